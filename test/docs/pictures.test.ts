import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const images = path.join(root, 'docs/images')

/** A picture in a page. */
interface Shown {
  readonly page: string
  /** Where the file lies, from the repository's root. */
  readonly file: string
  readonly alt: string
  /** The file for dark pages; null where none is named. */
  readonly dark: string | null
}

/** All pictures of a page in Markdown, in HTML or in Markdown's own form. */
function picturesOf(page: string, text: string): Shown[] {
  const place = (file: string): string => path.posix.join(path.posix.dirname(page), file)
  // What stands in code is shown as text.
  const prose = text.replaceAll(/^```[^]*?^```/gm, '').replaceAll(/`[^`\n]+`/g, '')
  const html = [...prose.matchAll(/(?:<source[^>]*dark[^>]*srcset="([^"]+)"[^>]*>\s*)?<img\s([^>]*)>/g)].map(
    ([, dark, attributes]) => ({
      page,
      file: place(/src="([^"]+)"/.exec(attributes!)?.[1] ?? ''),
      alt: /alt="([^"]*)"/.exec(attributes!)?.[1] ?? '',
      dark: dark === undefined ? null : place(dark),
    }),
  )
  const markdown = [...prose.matchAll(/!\[([^\]]*)\]\(([^)\s]+)\)/g)].map(([, alt, file]) => ({
    page,
    file: place(file!),
    alt: alt!,
    dark: null,
  }))
  return [...html, ...markdown].filter(({ file }) => !/^(https?|data):/.test(file))
}

describe('pictures in README.md and docs/', () => {
  const pages = [
    ...fs.readdirSync(root).filter((name) => name.endsWith('.md')),
    ...fs
      .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .map((name) => `docs/${name.replaceAll(path.sep, '/')}`)
      .filter((name) => name.endsWith('.md')),
  ]
  const shown = pages.flatMap((page) => picturesOf(page, fs.readFileSync(path.join(root, page), 'utf8')))
  const stored = fs.existsSync(images)
    ? fs
        .readdirSync(images, { recursive: true, encoding: 'utf8' })
        .map((name) => `docs/images/${name.replaceAll(path.sep, '/')}`)
        .filter((name) => /\.(svg|png|jpe?g|gif|webp)$/.test(name))
    : []

  it('are found in both forms, and not in code', () => {
    const text =
      '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="images/a-dark.svg">\n  <img src="images/a-light.svg" alt="what &quot;it&quot; shows">\n</picture>\n' +
      '![a curve](recipes/b.svg) and `<img src="c.png">`\n```html\n<img src="d.png">\n```\n<img src="e.png">\n'
    assert.deepEqual(picturesOf('docs/page.md', text), [
      {
        page: 'docs/page.md',
        file: 'docs/images/a-light.svg',
        alt: 'what &quot;it&quot; shows',
        dark: 'docs/images/a-dark.svg',
      },
      { page: 'docs/page.md', file: 'docs/e.png', alt: '', dark: null },
      { page: 'docs/page.md', file: 'docs/recipes/b.svg', alt: 'a curve', dark: null },
    ])
    assert.ok(shown.length >= 8, `${shown.length} pictures`)
  })

  it('are there, for light and dark pages, and say what they show', () => {
    for (const { page, file, alt, dark } of shown) {
      assert.ok(fs.existsSync(path.join(root, file)), `${page}: there is no ${file}`)
      assert.ok(alt.length >= 20, `${page}: ${file} has the description '${alt}'; say what it shows`)
      if (path.posix.dirname(file) !== 'docs/images') continue
      assert.equal(dark, file.replace('-light.', '-dark.'), `${page}: ${file} has no twin for dark pages`)
      assert.ok(fs.existsSync(path.join(root, dark)), `${page}: there is no ${dark}`)
    }
  })

  it('are all used', () => {
    const used = new Set(shown.flatMap(({ file, dark }) => (dark === null ? [file] : [file, dark])))
    assert.deepEqual(
      stored.filter((file) => !used.has(file)),
      [],
    )
  })

  it('are small', () => {
    const sizes = stored.map((file) => ({ file, bytes: fs.statSync(path.join(root, file)).size }))
    for (const { file, bytes } of sizes) assert.ok(bytes < 250e3, `${file} takes ${bytes} bytes`)
    const total = (isWalkthrough: boolean): number =>
      sizes
        .filter(({ file }) => file.includes('/walkthrough/') === isWalkthrough)
        .reduce((sum, { bytes }) => sum + bytes, 0)
    assert.ok(total(false) < 2e6, `docs/images takes ${total(false)} bytes without the walkthrough`)
    assert.ok(total(true) < 1.6e6, `docs/images/walkthrough takes ${total(true)} bytes`)
  })

  it('have their places filled', () => {
    for (const page of pages) {
      const text = fs.readFileSync(path.join(root, page), 'utf8')
      for (const [, kind, name, content] of text.matchAll(/<!-- (picture|text) ([\w-]+) -->\n([^]*?)<!-- \/\1 -->/g)) {
        assert.notEqual(
          content!.trim(),
          '',
          `${page}: the place of the ${kind!} ${name!} is empty; run npm run pictures`,
        )
      }
    }
  })

  it('are as npm run pictures made them', () => {
    const { pictures } = JSON.parse(fs.readFileSync(path.join(images, 'sources.json'), 'utf8')) as {
      pictures: Record<string, { sha256: string }>
    }
    for (const [name, { sha256 }] of Object.entries(pictures)) {
      const content = fs.readFileSync(path.join(images, name))
      assert.equal(crypto.createHash('sha256').update(content).digest('hex'), sha256, `docs/images/${name} was changed`)
    }
  })

  it('load nothing and run nothing', () => {
    for (const file of stored.filter((name) => name.endsWith('.svg'))) {
      const text = fs.readFileSync(path.join(root, file), 'utf8')
      assert.doesNotMatch(text, /<script|<foreignObject|href=|url\(|\son\w+=/, file)
      assert.ok(text.includes('<title>'), file)
    }
  })
})

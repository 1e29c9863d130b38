import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const pages = ['README.md', ...fs.readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
)

/** What GitHub makes of headings to link to; a heading that comes again gets a number. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = heading!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    let unique = anchor
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`
    anchors.add(unique)
  }
  return anchors
}

/** The text without blocks of code, where brackets and # are no Markdown. */
function withoutCode(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** Links of a page that lead nowhere in the repository: to a file that is not there, or to a heading that it has not. */
function deadLinks(page: string, text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target!)) return []
    const [file, anchor] = target!.split('#') as [string, string | undefined]
    const full = file === '' ? path.join(root, page) : path.join(root, path.dirname(page), file)
    if (!fs.existsSync(full)) return [`${page}: ${target!} is not there`]
    if (anchor === undefined || !full.endsWith('.md')) return []
    return anchorsOf(fs.readFileSync(full, 'utf8')).has(anchor) ? [] : [`${page}: ${target!} has no such heading`]
  })
}

describe('README.md and docs/', () => {
  const read = (page: string): string => fs.readFileSync(path.join(root, page), 'utf8')

  it('have no link into the repository that leads nowhere', () => {
    assert.deepEqual(
      pages.flatMap((page) => deadLinks(page, read(page))),
      [],
    )
  })

  it('are searched for links', () => {
    const text =
      '[a](nowhere.md) [b](metrics.md#preflight) [c](metrics.md#nothing) [d](https://x.org/nowhere.md) `[e](nothing.md)`'
    assert.deepEqual(deadLinks('docs/x.md', text), [
      'docs/x.md: nowhere.md is not there',
      'docs/x.md: metrics.md#nothing has no such heading',
    ])
  })

  it('are all named in docs/README.md', () => {
    const index = read('docs/README.md')
    for (const page of pages.filter((name) => name !== 'README.md' && name !== 'docs/README.md')) {
      assert.ok(index.includes(`](${path.basename(page)})`), `docs/README.md does not link to ${page}`)
    }
  })
})

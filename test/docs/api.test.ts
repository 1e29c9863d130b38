import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const folder = path.join(root, 'docs/api')

describe('docs/api', () => {
  it('says what the comments in src/ say', () => {
    const script = path.join(root, 'scripts/api-pages.mjs')
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })

  it('has a page for each entry point and namespace, named in README.md, whose links lead somewhere', () => {
    const pages = fs.readdirSync(folder)
    assert.deepEqual(pages.sort(), [
      'files.md',
      'grpo-ts.md',
      'parts.md',
      'rewards.md',
      'show.md',
      'statistics.md',
      'tasks.md',
    ])
    const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8')
    const read = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8')
    let links = 0
    for (const page of pages) {
      assert.ok(readme.includes(`](docs/api/${page})`), `README.md does not link to docs/api/${page}`)
      for (const [link, file, anchor] of read(page).matchAll(/\]\(([\w-]*\.md)?#([\w-]+)\)/g)) {
        const headings = [...read(file ?? page).matchAll(/^##? (.+)$/gm)].map(([, heading]) =>
          heading!.toLowerCase().replace(/[^\w-]/g, ''),
        )
        assert.ok(headings.includes(anchor!.replace(/-\d$/, '')), `${page}: ${link}`)
        links++
      }
    }
    assert.ok(links > 300, `${links} links`)
  })
})

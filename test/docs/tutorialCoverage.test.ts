import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { requireShared } from '../shared.js'

/** Letters and digits of a text, so that marks and pictures before a heading do not count. */
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim()

describe('docs/tutorial-coverage.md', () => {
  it('has a row for every heading, item of the checklist and section of the video of the tutorial', function () {
    const tutorial = fs.readFileSync(requireShared(this, 'tutorial.md'), 'utf8')
    const page = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/tutorial-coverage.md'), 'utf8')
    const rows = page.split('\n').filter((line) => line.startsWith('| '))
    const names = [
      ...[...tutorial.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading!),
      ...[...tutorial.matchAll(/^ *- \[ \] (.+)$/gm)].map(([, item]) => item!).filter((item) => !item.endsWith(':')),
      ...[...tutorial.matchAll(/^\d\. \*\*(.+)\*\*$/gm)].map(([, section]) => section!),
    ]
    assert.ok(names.length > 50)
    const cells = rows.map((row) => ` ${plain(row)} `)
    const missing = names.filter((name) => !cells.some((cell) => cell.includes(` ${plain(name)} `)))
    assert.deepEqual(missing, [])
    // Each says where and how deep.
    for (const row of rows.filter((line) => line.includes('](')))
      assert.match(row, /\| (name|worked|measured) \|$/, row)
  })
})

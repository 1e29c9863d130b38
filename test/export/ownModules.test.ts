import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { findOwnModules } from '../../src/export/ownModules.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe("modules of one's own", () => {
  const at = useTemporaryFolder()

  function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(at(name)), { recursive: true })
      fs.writeFileSync(at(name), text)
    }
  }

  it('bring what they import by relative paths, in every form, also in circles', () => {
    write({
      'a/task.ts': "import { b } from './lib/b.js'\nexport * from '../shared/c.mjs'\nconst d = await import('./d')\n",
      'a/lib/b.ts':
        "import type { T } from '../task'\nimport rows from './rows.json' with { type: 'json' }\nimport './side.mjs'",
      'a/lib/rows.json': '[]',
      'a/lib/side.mjs': 'const file = new URL(\'./data.jsonl\', import.meta.url)\nrequire("./old.cjs")',
      'a/lib/data.jsonl': '{}',
      'a/lib/old.cjs': 'module.exports = 1',
      'shared/c.mjs': "import '../a/task.ts'",
      'a/d/index.ts': 'export {}',
    })
    const modules = findOwnModules([at('a/task.ts')])
    assert.deepEqual([...modules.files.keys()].sort(), [
      'a/d/index.ts',
      'a/lib/b.ts',
      'a/lib/data.jsonl',
      'a/lib/old.cjs',
      'a/lib/rows.json',
      'a/lib/side.mjs',
      'a/task.ts',
      'shared/c.mjs',
    ])
    assert.equal(modules.nameOf(at('a/task.ts')), 'a/task.ts')
    assert.deepEqual(modules.packages, [])
  })

  it('name the packages that they import, those of Node and grpo-ts left out', () => {
    write({
      'r.mjs':
        "import fs from 'node:fs'\nimport path from 'path'\nimport { gate } from 'grpo-ts'\nimport { x } from 'grpo-ts/parts'\nimport a from '@scope/pkg/sub'\nimport b from 'lodash/fp'",
    })
    assert.deepEqual(findOwnModules([at('r.mjs')]).packages, ['@scope/pkg', 'lodash'])
  })

  it('are read as the package that they lie in says', () => {
    write({ 'package.json': '{"type": "module"}', 'in/r.js': 'export default () => 1' })
    assert.equal(findOwnModules([at('in/r.js')]).type, 'module')
    write({ 'in/package.json': '{}' })
    assert.equal(findOwnModules([at('in/r.js')]).type, 'commonjs')
  })

  it('pass over imports in comments of files that are not there', () => {
    write({ 'r.mjs': "// as in import x from './gone.mjs'\nexport default () => 1" })
    assert.deepEqual([...findOwnModules([at('r.mjs')]).files.keys()], ['r.mjs'])
  })
})

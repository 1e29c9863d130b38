import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { findOwnModules } from '../../src/export/ownModules.js'
import { packageJson } from '../../src/export/packageJson.js'
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
    assert.deepEqual([...modules.packages], [])
  })

  it('name the packages that they import, those of Node and grpo-ts left out', () => {
    write({
      'r.mjs':
        "import fs from 'node:fs'\nimport path from 'path'\nimport { gate } from 'grpo-ts'\nimport { x } from 'grpo-ts/parts'\nimport a from '@scope/pkg/sub'\nimport b from 'lodash/fp'",
    })
    assert.deepEqual([...findOwnModules([at('r.mjs')]).packages.keys()], ['@scope/pkg', 'lodash'])
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

  it('are followed from where a link leads to', () => {
    write({ 'real/r.ts': "import './help.ts'", 'real/help.ts': 'export {}' })
    fs.mkdirSync(at('links'))
    fs.symlinkSync(at('real/r.ts'), at('links/r.ts'))
    const modules = findOwnModules([at('links/r.ts')])
    assert.deepEqual([...modules.files.keys()], ['r.ts', 'help.ts'])
    assert.equal(modules.nameOf(at('links/r.ts')), 'r.ts')
  })

  it('bring what the imports of their package.json mean, and names with quotes and spaces', () => {
    write({
      'package.json': '{"name": "own", "imports": {"#lib/*": "./lib/*.js"}, "exports": {"./sub": "./sub.js"}}',
      'in/r.js': 'import "#lib/a"\nimport \'own/sub\'\nawait import(`./it\'s "b".js`)\nawait import(`./${name}.js`)',
      'lib/a.js': '',
      'sub.js': '',
      'in/it\'s "b".js': '',
    })
    assert.deepEqual([...findOwnModules([at('in/r.js')]).files.keys()].sort(), [
      'in/it\'s "b".js',
      'in/r.js',
      'lib/a.js',
      'package.json',
      'sub.js',
    ])
  })

  it('bring the package.json of those that are read otherwise than the others', () => {
    write({
      'package.json': '{"type": "module"}',
      'r.js': "import './old/a.js'",
      'old/package.json': '{}',
      'old/a.js': 'module.exports = 1',
    })
    assert.deepEqual([...findOwnModules([at('r.js')]).files.keys()].sort(), ['old/a.js', 'old/package.json', 'r.js'])
  })

  it('are refused with an import by an absolute path', () => {
    write({ 'r.mjs': `import ${JSON.stringify(at('x.mjs'))}`, 'x.mjs': '' })
    assert.throws(
      () => findOwnModules([at('r.mjs')]),
      /imports .*x\.mjs, a file of this machine alone; import it by a rel/,
    )
  })
})

describe('package.json of an export', () => {
  const at = useTemporaryFolder()

  it('has the versions of what is installed where it is imported, and no name in a text', () => {
    fs.mkdirSync(at('a/node_modules/dep'), { recursive: true })
    fs.writeFileSync(at('a/node_modules/dep/package.json'), '{"version": "1.2.3"}')
    fs.writeFileSync(at('a/r.mjs'), "import 'dep'\nthrow new Error(`differs from 'expected'`)")
    fs.writeFileSync(at('r.mjs'), "import './a/r.mjs'")
    const { dependencies } = JSON.parse(packageJson(findOwnModules([at('r.mjs')]))) as { dependencies: object }
    assert.deepEqual(Object.keys(dependencies), ['dep', 'grpo-ts'])
  })

  it('refuses a package that is a link to a folder: the registry may have another one of that name', () => {
    fs.mkdirSync(at('own'))
    fs.writeFileSync(at('own/package.json'), '{"version": "1.0.0"}')
    fs.mkdirSync(at('node_modules'))
    fs.symlinkSync(at('own'), at('node_modules/own'))
    fs.writeFileSync(at('r.mjs'), "import 'own'")
    assert.throws(() => packageJson(findOwnModules([at('r.mjs')])), /imports own, which is a link to .*own and not/)
  })
})

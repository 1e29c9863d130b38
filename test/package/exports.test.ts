import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { entryPoints, projects, root, strictest } from './consumer.js'

/** The names of an entry point, those of its namespaces as `tasks.gsm8k`; and which of them are values. */
interface Exported {
  readonly all: Set<string>
  readonly values: string[]
}

describe('the entry points of the package', () => {
  const exported = new Map<string, Exported>()
  before(() => {
    const files = Object.values(entryPoints).map((file) => path.join(root, file))
    const program = ts.createProgram(files, { ...strictest, ...projects.nodenext, skipLibCheck: true })
    const checker = program.getTypeChecker()
    const exportsOf = (file: string): ts.Symbol[] =>
      checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)
    const original = (symbol: ts.Symbol): ts.Symbol =>
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    for (const [i, name] of Object.keys(entryPoints).entries()) {
      const symbols = exportsOf(files[i]!)
      const inNamespaces = symbols.flatMap((symbol) => {
        const { flags } = original(symbol)
        if (!(flags & ts.SymbolFlags.ValueModule) || symbol.name === 'tf') return []
        return checker.getExportsOfModule(original(symbol)).map((member) => `${symbol.name}.${member.name}`)
      })
      // A class that is exported as a type is no value.
      const isValue = (symbol: ts.Symbol): boolean =>
        (original(symbol).flags & ts.SymbolFlags.Value) !== 0 &&
        !(symbol.declarations ?? []).some(
          (declaration) =>
            ts.isExportSpecifier(declaration) && (declaration.isTypeOnly || declaration.parent.parent.isTypeOnly),
        )
      exported.set(name, {
        all: new Set([...symbols.map((symbol) => symbol.name), ...inNamespaces]),
        values: symbols
          .filter(isValue)
          .map((symbol) => symbol.name)
          .sort(),
      })
    }
  })

  it('are those of package.json, each with its types', () => {
    const { exports, typesVersions } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, string | { types: string; default: string }>
      typesVersions: Record<string, Record<string, string[]>>
    }
    const types = Object.entries(exports).flatMap(([name, file]) =>
      typeof file === 'string' ? [] : [[name.replace('.', 'grpo-ts'), file.types] as const],
    )
    assert.deepEqual(
      Object.fromEntries(types),
      Object.fromEntries(Object.entries(entryPoints).map(([name, file]) => [name, `./${file}`])),
    )
    // What looks for types as Node 10 did reads them from here.
    const ofNode10 = Object.entries(typesVersions['*']!).map(([name, [file]]) => [`grpo-ts/${name}`, file!] as const)
    assert.deepEqual(ofNode10, types.slice(1))
  })

  it('have few values at the top: more go into a namespace or to another entry point', () => {
    const errors = exported.get('grpo-ts')!.values.filter((name) => name.endsWith('Error'))
    assert.equal(errors.length, 10)
    assert.deepEqual(
      exported.get('grpo-ts')!.values.filter((name) => !errors.includes(name)),
      [
        'GRPOTrainer',
        'answerPairs',
        'completionChecklist',
        'describeComparison',
        'evaluate',
        'experiment',
        'findingsOf',
        'generate',
        'loadModel',
        'mergeAdapter',
        'preflight',
        'pushToHub',
        'quantizeModel',
        'readReviewResults',
        'rewards',
        'rolloutServers',
        'selectEngine',
        'serveReport',
        'serveReview',
        'show',
        'tasks',
        'untilInterrupted',
        'writeReport',
      ],
    )
  })

  it('export no name twice', () => {
    const names = [...exported.values()].flatMap(({ all }) => [...all])
    assert.deepEqual(
      names.filter((name, i) => names.indexOf(name) !== i),
      [],
    )
  })

  it('have what 0.1.0 exported, or CHANGELOG.md says where it went, and there it is', () => {
    const before = JSON.parse(
      fs.readFileSync(path.join(root, 'test/fixtures/exports-0.1.0.json'), 'utf8'),
    ) as readonly string[]
    assert.ok(before.length > 200)
    const [, unreleased = ''] = fs.readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8').split('### Removed')
    const [table = ''] = unreleased.split('\n### ')
    const moved = new Map<string, string>()
    for (const line of table.split('\n').filter((line) => line.startsWith('| `'))) {
      const [, names = '', now = ''] = line.split('|')
      for (const [, name] of names.matchAll(/`([\w.]+)`/g)) moved.set(name!, now.trim())
    }
    for (const name of before) {
      if (exported.get('grpo-ts')!.all.has(name)) continue
      const now = moved.get(name) ?? moved.get(name.replace(/^\w+\./, ''))
      assert.ok(now, `${name} is not exported any more, and CHANGELOG.md does not say where it went`)
      const [, entry] = /^in `(grpo-ts\/\w+)`$/.exec(now) ?? []
      if (entry !== undefined) assert.ok(exported.get(entry)?.all.has(name), `${name} is not in ${entry}`)
      const [, namespace] = /^in the namespace `(\w+)`/.exec(now) ?? []
      if (namespace !== undefined) {
        assert.ok(exported.get('grpo-ts')!.all.has(`${namespace}.${name}`), `${name} is not in ${namespace}`)
      }
    }
  })

  it('have every name that README, docs, notebooks and examples import, and every member of a namespace that they name', () => {
    const list = (folder: string, ending: string): string[] =>
      fs
        .readdirSync(path.join(root, folder))
        .filter((name) => name.endsWith(ending))
        .map((name) => `${folder}/${name}`)
    const texts = ['README.md', ...list('docs', '.md'), ...list('notebooks', '.cells.ts'), ...list('examples', '.ts')]
    let count = 0
    for (const file of texts) {
      const text = fs.readFileSync(path.join(root, file), 'utf8')
      for (const [, names, entry] of text.matchAll(/import (?:type )?\{([^}]*)\} from '(grpo-ts[\w/]*)'/g)) {
        for (const name of names!.split(',').map((one) => one.trim().replace(/^type /, ''))) {
          assert.ok(exported.get(entry!)?.all.has(name), `${file} imports ${name} of ${entry}`)
          count++
        }
      }
      for (const [, name] of text.matchAll(/(?<![\w.'/-])((?:tasks|rewards|show)\.[a-z]\w*)\(/g)) {
        assert.ok(exported.get('grpo-ts')!.all.has(name!), `${file} names ${name}`)
        count++
      }
    }
    assert.ok(count > 100, `${count} names`)
  })

  for (const [way, type, load] of [
    ['import', 'module', (name: string) => `await import('${name}')`],
    ['require', 'commonjs', (name: string) => `require('${name}')`],
  ] as const) {
    it(`load by ${way}, all in one process, with the values that they declare`, () => {
      const lists = Object.keys(entryPoints).map((name) => `'${name}': Object.keys(${load(name)}).sort()`)
      const code = `console.log(JSON.stringify({ ${lists.join(', ')} }))`
      // Node 20 says that require of a module is experimental.
      const args = ['--disable-warning=ExperimentalWarning', `--input-type=${type}`, '--eval', code]
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
      assert.equal(stderr, '')
      const loaded = JSON.parse(stdout) as Record<string, string[]>
      for (const [name, { values }] of exported) {
        assert.deepEqual(
          loaded[name]!.filter((key) => key !== '__esModule'),
          values,
          name,
        )
      }
    })
  }
})

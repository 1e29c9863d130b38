import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { useTemporaryFolder } from './temporaryFolder.js'

const root = path.resolve(import.meta.dirname, '../..')

/** What a module is loaded by: the package, the package in a program that tsx runs, or the sources. */
const programs = {
  'the package': { library: 'dist', ending: '.js', options: [] },
  'the package in a program that tsx runs': { library: 'dist', ending: '.js', options: ['--import', 'tsx'] },
  'the sources': { library: 'src', ending: '.ts', options: ['--import', 'tsx'] },
}

for (const [name, { library, ending, options }] of Object.entries(programs)) {
  const isPlain = options.length === 0
  describe(`TypeScript of a user's own, loaded by ${name}`, () => {
    const at = useTemporaryFolder()

    function write(files: Readonly<Record<string, string>>): void {
      for (const [file, text] of Object.entries(files)) {
        fs.mkdirSync(path.dirname(at(file)), { recursive: true })
        fs.writeFileSync(at(file), text)
      }
    }

    /** What a program prints that has functions of the library, as JSON. */
    async function run(imports: Readonly<Record<string, string>>, code: string): Promise<unknown> {
      const lines = Object.entries(imports).map(([names, file]) => {
        return `import { ${names} } from ${JSON.stringify(pathToFileURL(path.join(root, library, file + ending)).href)}`
      })
      write({ 'program.mjs': `${lines.join('\n')}\n${code}` })
      const args = [...options, '--no-warnings=ExperimentalWarning', at('program.mjs')]
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root })
      assert.equal(stderr, '')
      return JSON.parse(stdout) as unknown
    }

    /** Values of the default export of each file, or the message of the error, without the temporary folder. */
    async function load(...files: string[]): Promise<Record<string, unknown>> {
      const values = await run(
        { importModule: 'io/userModule' },
        `const load = (file) => importModule(file).then((module) => module.default, (error) => error.name + ': ' + error.message)
        const files = ${JSON.stringify(files.map((file) => at(file)))}
        console.log(JSON.stringify(await Promise.all(files.map(load))))`,
      )
      return Object.fromEntries(
        (values as unknown[]).map((value, i): [string, unknown] => [
          files[i]!,
          typeof value === 'string' ? value.replaceAll(path.dirname(at('x')) + path.sep, '') : value,
        ]),
      )
    }

    it('takes out types, and finds files with and without their endings', async () => {
      write({
        'package.json': JSON.stringify({ type: isPlain ? 'commonjs' : 'module' }),
        'main.ts': `import { twice, type Twice } from './lib/twice'
          import { three } from './lib/three.js'
          import four from './lib/four.ts'
          import five from './lib/five.mjs'
          import legacy from './lib/legacy.cts'
          import { seven } from './lib'
          interface Sum { readonly sum: number }
          const f: Twice = twice
          export default { sum: f(three as number) + four + five + legacy.six + seven! } satisfies Sum`,
        'lib/twice.ts': `export type Twice = (x: number) => number\nexport const twice = <T extends number>(x: T): number => 2 * x`,
        'lib/three.ts': 'export const three: number = 3',
        'lib/four.ts': 'import { four } from "./deep/four"\nexport default four',
        'lib/deep/four.ts': 'export const four: 4 = 4',
        'lib/five.mts': 'import five from "./five.json" with { type: "json" }\nexport default five.five as number',
        'lib/five.json': '{ "five": 5 }',
        'lib/legacy.cts': 'const six: number = 6\nmodule.exports = { six }',
        'lib/index.ts': 'export declare const nothing: unknown\nexport const seven: number | null = 7',
        'plain.mjs': 'import { twice } from "./lib/twice.ts"\nexport default twice(4)',
        'top-level-await.ts': 'const value: number = await Promise.resolve(9)\nexport default value',
        'a name with blanks & #.ts': 'export default ((): string => "ä😀")() as string',
      })
      assert.deepEqual(await load('main.ts', 'plain.mjs', 'top-level-await.ts', 'a name with blanks & #.ts'), {
        'main.ts': { sum: 28 },
        'plain.mjs': 8,
        'top-level-await.ts': 9,
        'a name with blanks & #.ts': 'ä😀',
      })
    })

    it('names the file that is missing, and what a module throws', async () => {
      write({
        'missing.ts': 'import { x } from "./nowhere"\nexport default x as number',
        'throws.ts': 'const reason: string = "no reason"\nthrow reason',
      })
      const { 'missing.ts': missing, 'throws.ts': throws } = await load('missing.ts', 'throws.ts')
      assert.match(String(missing), /^ConfigError: missing\.ts cannot be loaded: .*nowhere/)
      assert.equal(throws, 'ConfigError: throws.ts cannot be loaded: it threw no reason')
    })

    it('keeps the places of a program in its errors', async () => {
      write({
        'place.ts': `interface Box<T> {
  value: T
}
type Name =
  | 'a'
  | 'b'
function place(box: Box<Name>): string { return String(new Error(box.value).stack).split('\\n')[1]! }
export default place({ value: 'a' } as Box<Name>)`,
      })
      assert.match(String((await load('place.ts'))['place.ts']), /place\.ts:7:5\d\)$/)
    })

    it('is used for rewards, also in a thread of their own, and for tasks', async () => {
      write({
        'package.json': JSON.stringify({ type: isPlain ? 'commonjs' : 'module' }),
        'reward.ts': `import { length, type Sample } from './length'
          export default ({ completion }: Sample): number | null => {
            if (completion === '') throw new Error(new Error('empty').stack!.split('\\n')[1])
            return length(completion)
          }`,
        'length.ts': `export type Sample = { completion: string }\nexport function length(text: string): number { return text.length }`,
        'task.ts': `import { length } from './length.js'
          type Options = { split?: string }
          export default (options: Options) => ({
            name: 'letters',
            problems: [{ id: '1', question: 'ab', answer: String(length('ab')) }] as const,
          })`,
      })
      const result = await run(
        { loadReward: 'rewards/loadReward', loadTask: 'tasks/loadTask' },
        `const task = await loadTask(${JSON.stringify(at('task.ts'))}, {})
        const [problem] = task.problems
        const input = { prompt: '', ids: [], answer: problem.answer, meta: { problem, finishReason: 'stop' } }
        const score = async (worker) => {
          const reward = await loadReward({ name: ${JSON.stringify(at('reward.ts'))}, worker })
          const failed = (async () => reward.score({ ...input, completion: '' }))().catch((error) => error.message)
          return [await reward.score({ ...input, completion: 'abc' }), await failed]
        }
        console.log(JSON.stringify([task.problems[0].answer, await score(false), await score(true)]))`,
      )
      const [answer, plain, inWorker] = result as [string, [number, string], [number, string]]
      assert.equal(answer, '2')
      for (const [score, message] of [plain, inWorker]) {
        assert.equal(score, 3)
        assert.match(message, /reward\.ts:3:52\)$/)
      }
    })

    it('says what is more than types, with its place, or leaves it to a loader that can compile it', async () => {
      write({
        'enum.ts': 'export const one: number = 1\nexport enum Letter { A }\nexport default Letter.A',
        'uses-enum.ts': `import { Letter } from './enum'\nexport default Letter.A`,
        'namespace.ts': 'namespace N { export const x = 0 }\nexport default N.x',
        'parameter-property.ts': 'class A { constructor(readonly x: number) {} }\nexport default new A(0).x',
        'decorator.ts': `const mail: string = '😀 someone@example.com' // @someone
function zero(value: unknown, context: unknown): void {}
@zero class A {}
export default mail && A ? 0 : 1`,
        'no-decorator.ts': `/**\n @param none\n */\nexport default (\`\n@text\`.length as number) - 6`,
      })
      const files = ['enum.ts', 'uses-enum.ts', 'namespace.ts', 'parameter-property.ts', 'decorator.ts']
      const { 'no-decorator.ts': none, ...values } = await load(...files, 'no-decorator.ts')
      assert.equal(none, 0)
      if (!isPlain) {
        assert.deepEqual(values, Object.fromEntries(files.map((file) => [file, 0])))
        return
      }
      const places = { 'uses-enum.ts': 'enum.ts:2:8: TypeScript enum', 'decorator.ts': 'decorator.ts:3:1: A decorator' }
      const beginnings = {
        'enum.ts': 'enum.ts:2:8: TypeScript enum',
        'namespace.ts': 'namespace.ts:1:1: TypeScript namespace',
        'parameter-property.ts': 'parameter-property.ts:1:32: TypeScript parameter property',
        ...places,
      }
      for (const [file, beginning] of Object.entries(beginnings)) {
        const message = String(values[file])
        assert.ok(message.startsWith(`ConfigError: ${file} cannot be loaded: ${beginning}`), message)
        assert.match(message, /not supported.*\. Only types are taken out of TypeScript.*\n[^]*\^/)
      }
    })

    it('says where an error of syntax is', async () => {
      write({
        'syntax.ts': 'const a: number = 1\nconst b = = 2',
        'syntax.mjs': 'const a = 1\nconst b = = 2',
        'type-as-value.ts': `import { Box } from './box'\nexport default { value: 1 } as Box`,
        'box.ts': 'export interface Box { value: number }',
      })
      const { 'type-as-value.ts': type, ...values } = await load('syntax.ts', 'syntax.mjs', 'type-as-value.ts')
      for (const [file, message] of Object.entries(values)) {
        assert.match(String(message), new RegExp(`^ConfigError: ${file} cannot be loaded: [^]*${file}:2:1\\d: `))
      }
      if (isPlain) assert.match(String(type), /does not provide an export named 'Box'; if that is a type, say so/)
      else assert.deepEqual(type, { value: 1 })
    })
  })
}

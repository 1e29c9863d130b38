import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { diagnosticsOf, entryPoints, projects, root, strictest, writeProject } from './consumer.js'

/** What the README shows as a library, in a function: a CommonJS module cannot wait at its top. */
function readmeExample(): string {
  const [, code = ''] = /```ts\n([^]*?)```/.exec(fs.readFileSync(path.join(root, 'README.md'), 'utf8')) ?? []
  assert.ok(code.includes("from 'grpo-ts'"))
  const [, imports = '', body = ''] = /^(import[^]*?from 'grpo-ts'\n)([^]*)$/.exec(code) ?? []
  return `${imports}export async function readme(): Promise<void> {\n${body}  comparisons satisfies readonly unknown[]\n}\n`
}

/** What else compiles in the strictest project. */
const consumer = `
import * as grpo from 'grpo-ts'
import { readEvaluation } from 'grpo-ts/files'
import { computeAdvantages, grpoLoss, parseGRPOConfig, tf } from 'grpo-ts/parts'
import type { LossInputs, ModelConfig } from 'grpo-ts/parts'
import { passAtK } from 'grpo-ts/statistics'
import type { GRPOConfig, GRPOOptions, RewardSample, Task, TrainingMetrics, TrainingStep } from 'grpo-ts'

export const options: GRPOOptions = { lossType: 'dr_grpo', importanceSamplingLevel: 'sequence', minP: null }
export const config: GRPOConfig = parseGRPOConfig({ ...options, stopStrings: ['\\n'] as const })

export function run(policy: grpo.CausalLM, task: Task, numGenerations: number | undefined): grpo.GRPOTrainer {
  new grpo.GRPOTrainer({ policy, task, rewards: [grpo.rewards.correctness()], config: { lossType: 'dr_grpo' } })
  new grpo.GRPOTrainer({ policy, task, rewards: [lengthReward], config: { importanceSamplingLevel: 'sequence' } })
  new grpo.GRPOTrainer({ policy, task, rewards: [lengthReward], config: { numGenerations, scaleRewards: false } })
  new grpo.GRPOTrainer({ policy, task, rewards: [lengthReward], config: { lrSchedulerKwargs: { num_cycles: 2 } } })
  return new grpo.GRPOTrainer({ policy, task, rewards: [lengthReward], config })
}

function lengthReward({ completion }: RewardSample): number {
  return completion.length
}

export function describe({ step, metrics, groups }: TrainingStep): string {
  const { reward, loss, 'rewards/correctness/mean': correctness } = metrics
  const rest = Object.entries(metrics).map(([name, value]) => name + value?.toFixed(2))
  const clipped = metrics['clip_ratio/low_mean'] ?? 0
  const text = groups[0]?.completions[0]?.text ?? ''
  return [step, loss.toFixed(2), reward?.toFixed(2), correctness, clipped, metrics.step_time, text, ...rest].join()
}

export function last(steps: readonly { readonly metrics: TrainingMetrics }[], name: string): number | undefined {
  return steps.at(-1)?.metrics[name]
}

export async function loss(inputs: LossInputs): Promise<number> {
  const value = grpoLoss({ ...inputs, advantages: tf.tensor1d([1, -1]) }, config)
  const [first = NaN] = await value.data()
  return first + tf.tensor2d([[1], [2]]).shape[1]
}

export async function evaluateTwo(base: grpo.CausalLM, trained: grpo.CausalLM, task: Task): Promise<string> {
  const evaluation = await grpo.evaluate({ base, trained }, task, { limit: 20, stopStrings: ['\\n\\n'] })
  return evaluation.comparisons.map((comparison) => grpo.describeComparison(comparison, evaluation.settings)).join()
}

export function layers({ numLayers }: ModelConfig): number {
  const [first = 0] = computeAdvantages([[1], [0]], { numGenerations: 2 }).advantages
  return numLayers + first + passAtK(4, 1, 2) + readEvaluation('eval.json').policies.length
}

export async function own(options: grpo.tasks.TaskOptions): Promise<Task> {
  const { passed } = await grpo.rewards.runCode({ language: 'javascript', program: '', tests: '' })
  return passed ? grpo.tasks.loadTask('sums', options) : grpo.tasks.defineTask({ name: 'none', problems: [] })
}
`

/** What is refused when the program is compiled, and the message that says why. */
const refused: Readonly<Record<string, RegExp>> = {
  '{ numGenerations: 1 }': /a group takes at least 2 completions/,
  '{ learningRat: 1 }': /'learningRat' does not exist in type/,
  "{ lossType: 'grop' }": /'"grop"' is not assignable to type/,
  "{ maxSteps: '3' }": /Type 'string' is not assignable to type 'number'/,
}

describe('declarations of the package', () => {
  const at = useTemporaryFolder()

  for (const [name, { type, ...options }] of Object.entries(projects)) {
    it(`compile in a strict project without skipLibCheck: ${name}`, () => {
      // Without @types/node too, which a project for a browser's bundler may not have.
      for (const types of name === 'bundler' ? [['node'], []] : [['node']]) {
        const file = writeProject(at(types.join()), type, `${consumer}${readmeExample()}`)
        const typeRoots = [path.join(root, 'node_modules/@types')]
        const program = ts.createProgram([file], { ...strictest, ...options, types, typeRoots })
        assert.deepEqual(diagnosticsOf(program), [])
        // Neither installed with the package nor fit for a strict project: declarations of what it carries along.
        const packages = program.getSourceFiles().flatMap(({ fileName }) => {
          const [, found] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(fileName) ?? []
          return found === undefined ? [] : [found]
        })
        const allowed = ['typescript', 'zod', ...(types.length > 0 ? ['@types/node', 'undici-types'] : [])]
        assert.deepEqual(
          [...new Set(packages)].filter((found) => !allowed.includes(found)),
          [],
        )
      }
    })
  }

  it('refuse what would be refused when the program runs, and say why', () => {
    const lines = Object.keys(refused).map(
      (config, i) => `export const make${i} = (): unknown => new GRPOTrainer({ ...run, config: ${config} })`,
    )
    const code = `import { GRPOTrainer } from 'grpo-ts'\nimport type { GRPOTrainerOptions } from 'grpo-ts'\ndeclare const run: Omit<GRPOTrainerOptions, 'config'>\n${lines.join('\n')}\n`
    const { type, ...options } = projects.nodenext
    const file = writeProject(at('refused'), type, code)
    const found = diagnosticsOf(ts.createProgram([file], { ...strictest, ...options, skipLibCheck: true }))
    assert.equal(found.length, lines.length, found.join('\n'))
    for (const [i, message] of Object.values(refused).entries()) assert.match(found[i]!, message)
  })

  it('document every export, and every option and field of what it names', () => {
    const entries = Object.values(entryPoints).map((file) => path.join(root, file))
    const program = ts.createProgram(entries, { ...strictest, ...projects.nodenext, skipLibCheck: true })
    const checker = program.getTypeChecker()
    const undocumented: string[] = []
    let count = 0

    const isDocumented = (symbol: ts.Symbol): boolean =>
      symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).length > 0
    const isOurs = ({ declarations = [] }: ts.Symbol): boolean =>
      declarations.some(
        (declaration) =>
          declaration.getSourceFile().fileName.startsWith(path.join(root, 'dist')) &&
          (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) === 0 &&
          !(ts.isPropertyDeclaration(declaration) && ts.isPrivateIdentifier(declaration.name)),
      )

    function visit(exported: ts.Symbol, prefix: string): void {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      const name = prefix + exported.name
      if (symbol.flags & ts.SymbolFlags.ValueModule && !(symbol.flags & ts.SymbolFlags.Function)) {
        for (const member of checker.getExportsOfModule(symbol)) visit(member, `${name}.`)
        return
      }
      count++
      if (!isDocumented(symbol)) undocumented.push(name)
      if (!(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias))) return
      const type = checker.getDeclaredTypeOfSymbol(symbol)
      for (const one of type.isUnion() ? type.types : [type]) {
        if (!(one.flags & ts.TypeFlags.Object)) continue
        for (const member of checker.getPropertiesOfType(one)) {
          // An error's name, and what only the language itself asks for.
          if (!isOurs(member) || member.name.startsWith('__') || (name.endsWith('Error') && member.name === 'name'))
            continue
          count++
          if (!isDocumented(member)) undocumented.push(`${name}.${member.name}`)
        }
      }
    }
    for (const entry of entries) {
      const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
      for (const exported of checker.getExportsOfModule(module)) visit(exported, '')
    }
    assert.ok(count > 900, `${count} symbols`)
    assert.deepEqual([...new Set(undocumented)], [])
  })
})

/**
 * What 8 and 4 bits cost: perplexity on solutions of GSM8K and MATH, how often the likeliest token stays the same, and right answers,
 * of a model in several formats. Everything is compared with the first format on the same texts and problems.
 *
 *     npm run bench:quantization -- --model FOLDER [--also FOLDER|FILE.gguf ...] [--texts 60] [--problems 300] [--dtypes auto int8 int4]
 *
 * `--also` takes the same model as somebody else quantised it. The texts come from ../shared/data, or from --data.
 */
import fs from 'node:fs'
import path from 'node:path'
import { Command } from 'commander'
import { formatTable, percent } from '../src/cli/terminal/table.js'
import { evaluate } from '../src/eval/evaluate.js'
import type { CausalLM } from '../src/policy/causalLM.js'
import { loadModel } from '../src/policy/loadModel.js'
import type { WeightDtype } from '../src/model/weights/weightDtype.js'
import type { Evaluation } from '../src/run/evaluation.js'
import type { Ratio } from '../src/eval/statistics/bootstrap.js'
import { bootstrapIntervals, statisticsReady } from '../src/statistics.js'
import type { Interval } from '../src/statistics.js'
import { wordProblems } from '../src/tasks/generators/wordProblems/wordProblems.js'
import { gibibytes, mebibytes } from '../src/io/units.js'

const program = new Command('npm run bench:quantization --')
  .option('--model <folder>', 'of the model, or its Hub id', 'HuggingFaceTB/SmolLM2-135M-Instruct')
  .option('--also <folders...>', 'the same model, quantised by others', [])
  .option('--dtypes <names...>', 'formats to load it in, the first one to compare with', ['auto', 'int8', 'int4'])
  .option('--texts <N>', 'solutions of each data set whose perplexity is measured', Number, 60)
  .option('--problems <N>', 'word problems that are answered greedily', Number, 300)
  .option('--data <folder>', 'with gsm8k/test.jsonl and math/math500_test.json', path.join('..', 'shared', 'data'))
  .parse()
const options = program.opts<{
  model: string
  also: string[]
  dtypes: WeightDtype[]
  texts: number
  problems: number
  data: string
}>()

/** Greedy continuations whose tokens are looked for, and their length. */
const CONTINUATIONS = 40
const CONTINUATION_TOKENS = 48
/** So low that a token has nearly all of the probability if it is the likeliest, and nearly none if it is not. */
const COLD = 1e-4
/** Rows whose values are computed together. */
const ROWS = 20

interface Text {
  readonly question: string
  readonly solution: string
}

interface Measured {
  readonly name: string
  readonly bytes: number
  /** Σ −log p and tokens of each text. */
  readonly losses: readonly number[]
  readonly tokens: readonly number[]
  /** Of each continuation of the first model: tokens that are the likeliest here too. */
  readonly agreeing: readonly number[]
}

const texts = readTexts(options.data, options.texts)
// The task of recipes/smollm2-135m-word-problems-cpu.yaml, on held-out problems.
const task = wordProblems({ difficulty: [1, 2], variant: 'smaller', shots: 6, split: 'test' })
const measured: Measured[] = []
let continuations:
  readonly { readonly promptIds: readonly number[]; readonly completionIds: readonly number[] }[] | null = null
let evaluation: Evaluation | undefined
await statisticsReady

for (const { source, dtype } of [
  ...options.dtypes.map((name) => ({ source: options.model, dtype: name })),
  ...options.also.map((source) => ({ source, dtype: 'auto' as const })),
]) {
  const model = await loadModel(source, { dtype })
  const name = `${model.weightFormat}${source === options.model ? '' : ` (${path.basename(source)})`}`
  console.error(name)
  continuations ??= await continueGreedily(model)
  measured.push({
    name,
    bytes: model.engineModel.weightBytes,
    ...(await lossesOf(model)),
    agreeing: await agreement(model),
  })
  evaluation = await evaluate({ ...earlierPolicies(evaluation, model), [name]: model }, task, {
    limit: options.problems,
    samples: 0,
    maxCompletionLength: 32,
    ...(evaluation && { earlier: evaluation }),
  })
  model.dispose()
  // The whole table each time: it takes minutes to the next.
  printTable()
}

/** The policies that were evaluated before: their results are taken from the evaluation, whatever model stands here. */
function earlierPolicies(earlier: Evaluation | undefined, model: CausalLM): Record<string, CausalLM> {
  return Object.fromEntries((earlier?.policies ?? []).map(({ name }) => [name, model]))
}

function readTexts(data: string, count: number): Text[] {
  const gsm8k = fs
    .readFileSync(path.join(data, 'gsm8k', 'test.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { question: string; answer: string })
    .map(({ question, answer }) => ({ question, solution: answer }))
  const math = (
    JSON.parse(fs.readFileSync(path.join(data, 'math', 'math500_test.json'), 'utf8')) as {
      problem: string
      solution: string
    }[]
  ).map(({ problem, solution }) => ({ question: problem, solution }))
  return [gsm8k, math].flatMap((all) => {
    const step = Math.max(1, Math.floor(all.length / count))
    return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[i * step]!)
  })
}

async function lossesOf(model: CausalLM): Promise<Pick<Measured, 'losses' | 'tokens'>> {
  const tokenizer = model.tokenizer!
  const rows = texts.map(({ question, solution }) => ({
    promptIds: tokenizer.encode(`${question}\n`),
    completionIds: tokenizer.encode(solution),
  }))
  const logProbs: (readonly number[])[] = []
  for (let i = 0; i < rows.length; i += ROWS) {
    const values = await model.engineModel.values(rows.slice(i, i + ROWS), { temperature: 1 })
    logProbs.push(...values.logProbs)
  }
  return {
    losses: logProbs.map((row) => -row.reduce((sum, value) => sum + value, 0)),
    tokens: logProbs.map(({ length }) => length),
  }
}

async function continueGreedily(model: CausalLM): Promise<NonNullable<typeof continuations>> {
  const prompts = texts
    .slice(0, CONTINUATIONS)
    .map(({ question }) => model.tokenizer!.encodeChat([{ role: 'user', content: question }]))
  const completions = await model.engineModel.generate(prompts, {
    numGenerations: 1,
    maxCompletionLength: CONTINUATION_TOKENS,
    temperature: 0,
    seed: 0,
  })
  return completions.map(([completion], i) => ({ promptIds: prompts[i]!, completionIds: completion!.ids }))
}

async function agreement(model: CausalLM): Promise<number[]> {
  const { logProbs } = await model.engineModel.values(continuations!, { temperature: COLD })
  return logProbs.map((row) => row.filter((value) => value > Math.log(0.5)).length)
}

function printTable(): void {
  const resampling = { resamples: 2000, seed: 1, confidence: 0.95 }
  const [base] = measured
  const rows = measured.map(({ name, bytes, losses, tokens, agreeing }) => {
    const total = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0)
    const more = losses.map((loss, i) => loss - base!.losses[i]!)
    const lengths = continuations!.map(({ completionIds }) => completionIds.length)
    const intervalOf = (ratio: Ratio): Interval => bootstrapIntervals([ratio], resampling)[0]!
    const increase = intervalOf({ numerators: more, denominators: tokens })
    const agreed = intervalOf({ numerators: agreeing, denominators: lengths })
    const comparison = evaluation!.comparisons.find(
      ({ policy, baseline }) => policy === name && baseline === base!.name,
    )
    const result = evaluation!.policies.find((policy) => policy.name === name)!.greedy!
    const { difference, pValue } = comparison?.greedy?.strict ?? {}
    const points = (value: number | null): string => (100 * (value ?? NaN)).toFixed(1)
    return {
      format: name,
      weights: bytes < 2 ** 30 ? mebibytes(bytes) : gibibytes(bytes),
      perplexity: Math.exp(total(losses) / total(tokens)).toFixed(3),
      'nats a token more':
        name === base!.name
          ? ''
          : `${(total(more) / total(tokens)).toFixed(4)} (${increase.map((x) => x.toFixed(4)).join(' to ')})`,
      'same likeliest token': `${percent(total(agreeing) / total(lengths))} (${agreed.map((x) => points(x)).join('-')})`,
      'right answers': `${percent(result.accuracy.value)} (${points(result.accuracy.low)}-${points(result.accuracy.high)})`,
      difference: difference
        ? `${points(difference.value)} (${points(difference.low)} to ${points(difference.high)}), p ${pValue!.toPrecision(2)}`
        : '',
    }
  })
  const headings = Object.keys(rows[0]!) as (keyof (typeof rows)[number])[]
  console.log(
    formatTable(
      headings.map((heading) => ({
        heading,
        text: (row: (typeof rows)[number]) => row[heading],
        left: heading === 'format',
      })),
      rows,
    ),
  )
  console.log(`${total(base!.tokens)} tokens of ${texts.length} solutions, ${options.problems} problems`)

  function total(numbers: readonly number[]): number {
    return numbers.reduce((sum, value) => sum + value, 0)
  }
}

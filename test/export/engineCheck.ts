import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { exportRun } from '../../src/export/exportRun.js'
import type { ExportPlan } from '../../src/export/exportPlan.js'
import { launchers } from '../../src/export/launchers/launchers.js'
import { exportTargets } from '../../src/export/targets.js'
import { weightedSum } from '../../src/grpo/advantages.js'
import { parseTrainConfig } from '../../src/grpo/config/trainConfig.js'
import { learningRateAt } from '../../src/optim/learningRateSchedule.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { scoreCompletions } from '../../src/rewards/scoreCompletions.js'

const root = path.resolve(import.meta.dirname, '../..')

/** A completion that the engine hands to its reward function, and what the library says of it. */
export interface ScoredCase {
  readonly problem_id: string
  readonly ids: readonly number[]
  readonly isCutOff: boolean
  readonly values: Readonly<Record<string, number | null>>
  readonly total: number | null
}

/** What the engine's own code answered. */
export interface EngineResult {
  readonly score: number
  readonly values: Readonly<Record<string, number>>
}

/**
 * Exports a run and starts it with run.sh, where `check`, a program in Python, takes the place of the engine's `module`, with its
 * arguments: the reward service, the check of prompts and the engine's own code are real. The check writes check.json.
 */
export async function checkEngine(
  to: string,
  options: { python: string; run: Readonly<Record<string, unknown>>; module: string; check: string; folder: string },
): Promise<{ plan: ExportPlan; cases: ScoredCase[]; answer: unknown }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `grpo-ts-${to}-`))
  try {
    const output = path.join(folder, options.folder)
    const target = exportTargets.find(({ name }) => name === to)!
    const config = parseTrainConfig(options.run)
    const plan = await exportRun(config, { target, launcher: launchers[0]!, processes: 2, output })
    const cases = await scoredCases(plan)
    const casesFile = path.join(folder, 'cases.json')
    fs.writeFileSync(casesFile, JSON.stringify(cases))
    const python = path.join(folder, 'python')
    const script = `if [ "$1" = -m ] && [ "$2" = ${options.module} ]; then shift 2; exec '${options.python}' '${options.check}' "$@"; fi`
    fs.writeFileSync(python, `#!/bin/sh\n${script}\nexec '${options.python}' "$@"\n`, { mode: 0o755 })
    const child = spawn('bash', [path.join(output, 'run.sh')], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        PYTHON: python,
        GRPO_TS: process.env.GRPO_TS ?? path.join(root, 'dist/cli/main.js'),
        CASES: casesFile,
      },
    })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`run.sh ended with ${code}`)
    return { plan, cases, answer: JSON.parse(fs.readFileSync(path.join(output, 'check.json'), 'utf8')) }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Completions of all kinds, six of each of some problems, as the library scores them. */
async function scoredCases({ config, task, tokenizer }: ExportPlan): Promise<ScoredCase[]> {
  const { run, grpo } = config
  const rewards = await loadRewards(run.rewards, run)
  const eos = tokenizer.eosTokenId!
  const samples = task.problems.slice(0, 40).flatMap((problem) => {
    const right = problem.solution ?? `#### ${problem.answer}`
    const texts = [right, `That is easy.\n#### 99${problem.answer}`, '', 'Ünïcode 😀 <|im_start|>\n#### 7', right]
    const completions = texts.map((text, i) => {
      const ids = tokenizer.encode(text, { allowSpecialTokens: false })
      return i === 4 ? ids : [...ids, eos]
    })
    completions.push(
      tokenizer.encode(`${right}\n${'and so on '.repeat(grpo.maxCompletionLength)}`).slice(0, grpo.maxCompletionLength),
    )
    return completions.map((ids) => ({
      prompt: task.prompt(problem, tokenizer).text,
      completion: tokenizer.decode(ids, { skipSpecialTokens: true }),
      answer: problem.answer,
      ids,
      meta: { problem, finishReason: ids.at(-1) === eos ? ('stop' as const) : ('length' as const) },
    }))
  })
  const { values } = await scoreCompletions(rewards, samples)
  const weights = rewards.map(({ weight }, k) => run.rewardWeights?.[k] ?? weight)
  return samples.map(({ ids, meta }, i) => ({
    problem_id: meta.problem.id,
    ids,
    isCutOff: meta.finishReason === 'length',
    values: Object.fromEntries(rewards.map(({ name }, k) => [name, values[i]![k] ?? null])),
    total: weightedSum(values[i]!, weights),
  }))
}

/** Lines of what was compared; `failed` is set by one that does not hold. */
export class Report {
  failed = false

  line(what: string, holds: boolean): void {
    console.log(`${holds ? 'equal  ' : 'DIFFERS'} ${what}`)
    if (!holds) this.failed = true
  }

  /** Rewards of the engine's own code beside those of the library. */
  rewards(name: string, cases: readonly ScoredCase[], results: readonly EngineResult[]): void {
    const isEqual = (ours: number | null, theirs: number | undefined): boolean =>
      ours === null
        ? theirs === undefined || Number.isNaN(theirs)
        : theirs !== undefined && Math.abs(ours - theirs) < 1e-12
    const wrong = cases.filter(({ total, values }, i) => {
      const { score, values: theirs } = results[i]!
      return !isEqual(total ?? 0, score) || Object.entries(values).some(([key, value]) => !isEqual(value, theirs[key]))
    })
    const kinds = new Set(cases.map(({ total }) => total)).size
    this.line(
      `${name}: ${wrong.length} of ${cases.length} rewards differ (${kinds} different values)`,
      wrong.length === 0,
    )
    for (const one of wrong.slice(0, 3))
      console.log('  ', JSON.stringify(one), JSON.stringify(results[cases.indexOf(one)]))
  }

  /** The rates of the engine's own schedule beside ours. */
  learningRates({ config }: ExportPlan, rates: readonly number[]): void {
    const ours = rates.map((_, step) => learningRateAt(step, rates.length, config.grpo))
    const largest = Math.max(...ours.map((rate, i) => Math.abs(rate - rates[i]!) / config.grpo.learningRate))
    this.line(
      `learning rates of ${rates.length} steps: largest difference ${largest.toExponential(1)} of the highest`,
      largest < 1e-9,
    )
  }
}

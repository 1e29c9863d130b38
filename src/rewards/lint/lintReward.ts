import type { Problem } from '../../grading/problem.js'
import { thrownMessage } from '../../io/thrown.js'
import type { RewardFunction } from '../reward.js'
import { lintCompletions } from './lintCompletions.js'
import type { LintKind } from './lintCompletions.js'

/** What a reward pays for one sort of completion, over all problems. */
export interface LintRow {
  /** What kind of completion it is. */
  readonly kind: LintKind
  /** What the completion is or tries. */
  readonly name: string
  /** The mean over the problems that the reward judges; null if it judges none. */
  readonly mean: number | null
  /** The least that it pays; null if it judges none. */
  readonly min: number | null
  /** The most that it pays; null if it judges none. */
  readonly max: number | null
  /** The longest time that a score took, in ms. */
  readonly milliseconds: number
  /** For adversarial completions: problems on which it was paid as much as the best gold completion. */
  readonly paidLikeGold: number
  /** Problems that it was tried on. */
  readonly problems: number
  /** The first error that the reward threw; null if it threw none. */
  readonly error: string | null
}

/** What a reward pays for. */
export interface LintReport {
  /** Name of the reward. */
  readonly reward: string
  /** What it pays for each sort of completion. */
  readonly rows: readonly LintRow[]
  /** The mean pay of the gold completion that is paid best. */
  readonly gold: number | null
  /**
   * `exploitable`: an adversarial completion is paid like gold; `fails`: it threw; `blind`: gold is paid no more than an empty
   * completion, so it cannot be the only reward; `penalty`: it pays nothing above 0; `sound`: none of these.
   */
  readonly verdict: 'sound' | 'exploitable' | 'fails' | 'blind' | 'penalty'
  /** What the verdict means, in a sentence. */
  readonly explanation: string
}

/** How a reward is tried out. */
export interface LintOptions {
  /** The prompt of a problem, so that a completion can repeat it. Defaults to its question. */
  promptText?: (problem: Problem) => string
  /** How the completions are counted in tokens. Defaults to four characters a token. */
  countTokens?: (completion: string) => number
}

interface Scored {
  readonly kind: LintKind
  readonly name: string
  readonly score: number | null
  readonly milliseconds: number
  readonly error: string | null
}

/**
 * Shows a reward gold, nearly right and adversarial completions of some problems and reports what it pays for each. The pay of
 * gold is that of the usual form (`####`, `<answer>`, `\boxed`, the problem's own solution) which the reward likes best.
 */
export async function lintReward(
  reward: RewardFunction,
  problems: readonly Problem[],
  options: LintOptions = {},
): Promise<LintReport> {
  const scored = await Promise.all(problems.map((problem) => scoreAll(reward, problem, options)))
  const names = [...new Set(scored.flat().map(({ name }) => name))]
  // Forms that are not adversarial may come and go with the problem; the best gold one is found for each.
  const best = scored.map((texts) => highest(texts.filter(({ kind }) => kind === 'gold')))
  const rows = names.map((name): LintRow => {
    const found = scored.map((texts) => texts.find((text) => text.name === name))
    const present = found.filter((text) => text !== undefined)
    const scores = present.flatMap(({ score }) => (score === null ? [] : [score]))
    const { kind } = present[0]!
    const isPaidLikeGold = (text: Scored | undefined, i: number): boolean =>
      text?.score != null && best[i] != null && best[i] > 0 && text.score >= 0.9 * best[i]
    return {
      kind,
      name,
      mean: mean(scores),
      min: scores.length === 0 ? null : Math.min(...scores),
      max: scores.length === 0 ? null : Math.max(...scores),
      milliseconds: Math.max(...present.map(({ milliseconds }) => milliseconds)),
      paidLikeGold: kind === 'adversarial' ? found.filter(isPaidLikeGold).length : 0,
      problems: present.length,
      error: present.find(({ error }) => error !== null)?.error ?? null,
    }
  })
  const gold = mean(best.filter((score) => score !== null))
  return { reward: reward.name, rows, gold, ...judge(rows, gold) }
}

function judge(rows: readonly LintRow[], gold: number | null): Pick<LintReport, 'verdict' | 'explanation'> {
  const failed = rows.find(({ error }) => error !== null)
  if (failed) return { verdict: 'fails', explanation: `it threw on '${failed.name}': ${failed.error!}` }
  const exploited = rows.filter(({ paidLikeGold }) => paidLikeGold > 0)
  if (exploited.length > 0) {
    const list = exploited
      .map(({ name, paidLikeGold, problems }) => `'${name}' (${paidLikeGold} of ${problems})`)
      .join(', ')
    return {
      verdict: 'exploitable',
      explanation: `it pays adversarial completions like gold: ${list}; let it count only behind a gate on correctness`,
    }
  }
  const highestPay = Math.max(...rows.map(({ max }) => max ?? -Infinity))
  if (highestPay <= 0)
    return { verdict: 'penalty', explanation: 'it pays nothing above 0; use it beside a reward that does' }
  const empty = rows.find(({ name }) => name === 'empty')?.mean ?? null
  if (gold === null || (empty !== null && gold <= empty)) {
    return {
      verdict: 'blind',
      explanation: 'it pays gold no more than an empty completion; use it beside a reward that does',
    }
  }
  return { verdict: 'sound', explanation: 'no adversarial completion is paid like gold' }
}

async function scoreAll(reward: RewardFunction, problem: Problem, options: LintOptions): Promise<Scored[]> {
  const {
    promptText = ({ question }: Problem) => question,
    countTokens = ({ length }: string) => Math.ceil(length / 4),
  } = options
  const prompt = promptText(problem)
  const scored: Scored[] = []
  for (const { kind, name, completion } of lintCompletions(problem, prompt)) {
    const started = performance.now()
    let score: number | null = null
    let error: string | null = null
    try {
      score = await reward.score({
        prompt,
        completion,
        answer: problem.answer,
        // Only their number is known; all are different, as in a text that does not repeat itself.
        ids: Array.from({ length: countTokens(completion) }, (_, i) => i),
        meta: { problem, finishReason: 'stop' },
      })
      if (score !== null && !Number.isFinite(score)) error = `it returned ${score}`
    } catch (cause) {
      error = thrownMessage(cause)
    }
    scored.push({ kind, name, score: error === null ? score : null, milliseconds: performance.now() - started, error })
  }
  return scored
}

function highest(texts: readonly Scored[]): number | null {
  const scores = texts.flatMap(({ score }) => (score === null ? [] : [score]))
  return scores.length === 0 ? null : Math.max(...scores)
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

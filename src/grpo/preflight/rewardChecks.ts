import type { RewardFunction } from '../../rewards/reward.js'
import { scoreCompletions } from '../../rewards/scoreCompletions.js'
import type { Problem } from '../../tasks/task.js'
import { correctnessReward, EQUAL_REWARDS } from '../metrics/signal.js'
import { ok } from './preflightCheck.js'
import type { PreflightCheck } from './preflightCheck.js'

/** A problem with its prompt as text. */
export interface AskedProblem {
  readonly problem: Problem
  readonly promptText: string
}

/** Completions that answer nothing; whoever pays for one of them will be paid in it. */
const adversarial: readonly { name: string; write: (asked: AskedProblem) => string }[] = [
  { name: 'nothing', write: () => '' },
  { name: 'the question again', write: ({ problem }) => problem.question },
  { name: 'the whole prompt again', write: ({ promptText }) => promptText },
  { name: 'empty tags', write: () => '<think></think><answer></answer>' },
  { name: 'a marker without an answer', write: () => '#### ' },
  {
    name: 'all numbers to 200',
    write: () => Array.from({ length: 201 }, (_, i) => `#### ${i}`).join('\n'),
  },
  { name: 'a thousand words', write: () => 'the answer is clear '.repeat(250) },
]

/** Forms in which a task may want its answer. */
function goldCompletions({ solution, answer, answerFormat }: Problem): string[] {
  if (answerFormat === 'bare') return [answer]
  const forms = [`#### ${answer}`, `<think>It follows.</think><answer>${answer}</answer>`, `\\boxed{${answer}}`, answer]
  return solution === undefined ? forms : [solution, `<think>It follows.</think>${solution}`, ...forms]
}

/**
 * Shows the reward for correctness what it must pay for, the gold answers, and what it must not: nothing, the prompt again, every
 * number there is. Without a reward for correctness (see {@link correctnessReward}) there is nothing to be sure of.
 */
export async function checkRewards(
  asked: readonly AskedProblem[],
  rewards: readonly RewardFunction[],
): Promise<PreflightCheck[]> {
  const name = correctnessReward(rewards.map((reward) => reward.name))
  const correctness = rewards.find((reward) => reward.name === name)
  if (!correctness)
    return [ok('gold_answers', 'no reward is named correctness or accuracy, so none was tested on gold answers')]
  /** Which of some completions, each of a problem, are paid for. */
  const arePaid = async (attempts: readonly (readonly [AskedProblem, completion: string])[]): Promise<boolean[]> => {
    const inputs = attempts.map(([{ problem, promptText }, completion]) => ({
      ...{ problem, promptText, completion, completionIds: [], finishReason: 'stop' as const },
    }))
    const { values } = await scoreCompletions([correctness], inputs)
    return values.map(([value]) => (value ?? 0) > EQUAL_REWARDS)
  }

  const unpaid: string[] = []
  for (const each of asked) {
    const paid = await arePaid(goldCompletions(each.problem).map((completion) => [each, completion]))
    if (!paid.includes(true)) unpaid.push(each.problem.id)
  }
  const holes: string[] = []
  let paidAttempts = 0
  for (const { name: kind, write } of adversarial) {
    const paid = (await arePaid(asked.map((each) => [each, write(each)]))).filter(Boolean).length
    // One hit is chance: the last of all numbers may be the answer of some problem.
    if (paid > 1 && paid > asked.length / 10) holes.push(`${kind} (${paid} of ${asked.length})`)
    paidAttempts += paid
  }
  return [
    unpaid.length === 0
      ? ok('gold_answers', `${correctness.name} pays for the gold answers of all ${asked.length} problems`, {
          unpaid: 0,
        })
      : {
          ...{ name: 'gold_answers', evidence: { unpaid: unpaid.length, problems: asked.length } },
          status: unpaid.length > asked.length / 2 ? 'problem' : 'warning',
          message: `${correctness.name} pays nothing for the gold answers of ${unpaid.length} of ${asked.length} problems (${unpaid.slice(0, 3).join(', ')})`,
          advice: 'let the reward judge what your problems have as their answer; no completion can be right otherwise',
        },
    holes.length === 0
      ? ok('adversarial_answers', `${correctness.name} pays for none of ${adversarial.length} ways not to answer`, {
          paid: paidAttempts,
        })
      : {
          ...{ name: 'adversarial_answers', status: 'warning', evidence: { paid: paidAttempts } },
          message: `${correctness.name} pays for completions that answer nothing: ${holes.join(', ')}`,
          advice: 'accept one answer, in one place, and not in a repeated prompt',
        },
  ]
}

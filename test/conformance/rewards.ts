import { gradeMath, mathGrader, rewardFunctions } from './api.js'
import type { Problem, RewardFunction } from './api.js'
import { absolute, compareExactly, compareNumbers } from './compare.js'
import type { Row } from './compare.js'
import { expectSetting } from './options.js'
import { describing, readJson } from './referenceFiles.js'
import type { Part } from './referenceFiles.js'

interface AccuracyCase {
  gold_parsed?: string
  answer_parsed?: string
  solution: string
  completion: string
  reward: number | null
}

interface RewardsReference {
  cases: never[]
  sets: never[]
  delimiters?: string[]
  function?: string
  note?: string
  pattern?: string
  rules?: Record<string, string>
}

/** Where our strict verdict differs from math-verify's as TRL calls it, on purpose: docs/math-answers.md says why. */
const decided: Readonly<Record<string, readonly [solution: string, completion: string][]>> = {
  accuracy: [
    ['$\\frac{1}{2}$', '\\boxed{50\\%}'],
    ['$\\frac{1}{2}$', '\\boxed{\\frac12}'],
    ['18', 'The answer is $18$'],
    ['18', 'So \\boxed{17} no, \\boxed{18}'],
    ['$\\sqrt{2}$', '\\boxed{\\sqrt 2}'],
    ['25%', '\\boxed{0.25}'],
    ['$72$', '<think>\n72\n</think>\n<answer>72</answer>'],
    ['$72$', '<think>x</think>\nThe final answer is $72$.'],
    ['$72$', 'Final answer: $72$ because'],
    ['$72$', '\\boxed 72'],
    ['$72$', '\\fbox{72}'],
    ['$5$', '\\boxed{\\text{five}}'],
    ['12:30', '\\boxed{12:30}'],
  ],
  reasoning_accuracy: [
    ['7', '\\boxed{7}'],
    ['7', '<THINK>a</THINK>\\boxed{7}'],
  ],
}

/** Reward functions. */
export const rewards: Part = {
  name: 'rewards',
  matches:
    /^rewards\/(accuracy|cosine|gsm8k_extraction|reasoning_accuracy|repetition|soft_overlong|think_format)\.json$/,
  async *run(file, context) {
    const name = /([^/]+)\.json$/.exec(file)![1]!
    const content = readJson(context, file) as RewardsReference
    describing(content, 'function', 'note', 'pattern', 'rules')
    expectSetting('delimiters', content.delimiters, ['</think>'])
    if (name === 'cosine') yield* cosineRows(content.sets)
    else if (name === 'repetition') yield* repetitionRows(content.cases)
    else if (name === 'soft_overlong') yield* overlongRows(content.cases)
    else if (name === 'think_format') yield* thinkFormatRows(content.cases)
    else if (name === 'gsm8k_extraction') yield extractionRow(content.cases)
    else yield* accuracyRows(content.cases, decided[name]!)
  },
}

/** Gold solutions that TRL cannot parse, and so skips, are left out. */
function* accuracyRows(
  cases: readonly AccuracyCase[],
  differences: readonly (readonly [string, string])[],
): Generator<Row> {
  // What math-verify itself made of the texts.
  for (const one of cases) describing(one, 'gold_parsed', 'answer_parsed')
  const judged = cases.filter(({ reward }) => reward !== null)
  const verdicts = judged.map(({ completion, solution }) => gradeMath(completion, solution))
  const differing = judged.filter(({ reward }, i) => verdicts[i]!.correct !== (reward === 1))
  const found = differing.map(({ solution, completion }) => [solution, completion])
  yield compareExactly(
    `${judged.length} verdicts, all but ${differences.length} decided ones alike`,
    found,
    differences,
  )
}

async function* cosineRows(
  sets: readonly {
    config: Record<
      'max_len' | 'min_value_wrong' | 'max_value_wrong' | 'min_value_correct' | 'max_value_correct',
      number
    >
    cases: (AccuracyCase & { length: number })[]
  }[],
): AsyncGenerator<Row> {
  for (const { config, cases } of sets) {
    const reward = rewardFunctions.cosineScaled({
      maxCompletionLength: config.max_len,
      minValueWrong: config.min_value_wrong,
      maxValueWrong: config.max_value_wrong,
      minValueCorrect: config.min_value_correct,
      maxValueCorrect: config.max_value_correct,
    })
    const judged = cases.filter((one) => one.reward !== null)
    const actual = await Promise.all(
      judged.map(({ solution, completion, length }) =>
        scoreOf(reward, { completion, solution, ids: new Array<number>(length).fill(1) }),
      ),
    )
    yield compareNumbers(
      `max_len ${config.max_len}`,
      actual,
      judged.map((one) => one.reward!),
      absolute(1e-12),
    )
  }
}

async function* repetitionRows(
  cases: readonly { ngram_size: number; max_penalty: number; completion_ids: number[][]; rewards: number[] }[],
): AsyncGenerator<Row> {
  for (const { ngram_size: ngramSize, max_penalty: maxPenalty, completion_ids, rewards: expected } of cases) {
    const reward = rewardFunctions.repetitionPenalty({ ngramSize, maxPenalty })
    const actual = await Promise.all(completion_ids.map((ids) => scoreOf(reward, { ids })))
    yield compareNumbers(`ngram_size ${ngramSize}, max_penalty ${maxPenalty}`, actual, expected, absolute(1e-12))
  }
}

async function* overlongRows(
  cases: readonly { max_completion_len: number; soft_punish_cache: number; lengths: number[]; rewards: number[] }[],
): AsyncGenerator<Row> {
  for (const {
    max_completion_len: maxCompletionLength,
    soft_punish_cache: softPunishCache,
    lengths,
    rewards: expected,
  } of cases) {
    const reward = rewardFunctions.softOverlong({ maxCompletionLength, softPunishCache })
    const actual = await Promise.all(
      lengths.map((length) => scoreOf(reward, { ids: new Array<number>(length).fill(1) })),
    )
    yield compareNumbers(`${maxCompletionLength} tokens, cache ${softPunishCache}`, actual, expected, absolute(1e-12))
  }
}

async function* thinkFormatRows(cases: readonly { completion: string; reward: number }[]): AsyncGenerator<Row> {
  const actual = await Promise.all(
    cases.map(({ completion }) => scoreOf(rewardFunctions.thinkFormat(), { completion })),
  )
  yield compareExactly(
    `${cases.length} completions`,
    actual,
    cases.map(({ reward }) => reward),
  )
}

/** What is deliberately different is listed in test/rewards/correctness.test.ts; here, how many verdicts are alike. */
function extractionRow(
  cases: readonly (Record<'completion' | 'gold', string> & Record<'strict_match' | 'flexible_match', boolean>)[],
): Row {
  // What the rules of the harness find on the way to their verdicts.
  const found = ['gold_normalised', 'strict', 'strict_normalised', 'flexible', 'flexible_normalised']
  for (const one of cases) describing(one as Record<string, unknown>, ...found)
  const alike = cases.filter(({ completion, gold, strict_match, flexible_match }) => {
    const problem = { id: 'reference', question: '', answer: gold.replace('#### ', '') }
    try {
      const { correct, correctLenient } = rewardFunctions.grade(completion, problem)
      return correct === strict_match && correctLenient === flexible_match
    } catch {
      return false
    }
  })
  return compareExactly(`completions of ${cases.length} that both judge alike`, [alike.length], [ALIKE_EXTRACTIONS])
}

const ALIKE_EXTRACTIONS = 26

async function scoreOf(
  reward: RewardFunction,
  { completion = '', solution = '', ids = [] }: { completion?: string; solution?: string; ids?: readonly number[] },
): Promise<number> {
  const problem: Problem = { id: 'reference', question: '', answer: solution, grader: mathGrader }
  const score = await reward.score({
    prompt: '',
    completion,
    answer: solution,
    ids,
    meta: { problem, finishReason: 'stop' },
  })
  return score ?? NaN
}

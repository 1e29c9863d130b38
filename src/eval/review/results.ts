import type { Estimate, Evaluation } from '../../run/evaluation.js'
import type { ReviewLine } from '../../run/reviewsFile.js'
import { mean, shareEstimate } from '../estimates.js'
import { cohenKappa } from '../statistics/cohenKappa.js'
import type { RaterAgreement } from '../statistics/cohenKappa.js'
import { mcnemarTest } from '../statistics/mcnemar.js'
import { signFlipTest } from '../statistics/permutationTest.js'
import { count, groupBy, isPreference, judgements } from './judgements.js'
import type { Choice, Judgement } from './judgements.js'
import { measureNames, measures } from './measures.js'
import type { MeasureName } from './measures.js'

/** What people said of the completions of a base and a trained model. */
export interface ReviewResults {
  /** Name of the base model. */
  readonly baseName: string
  /** Name of the trained model. */
  readonly trainedName: string
  /** Confidence of all intervals. */
  readonly confidence: number
  /** Who gave verdicts, and how many, by name. */
  readonly reviewers: readonly { readonly name: string; readonly verdicts: number }[]
  /** Verdicts that count: the last one of each reviewer on each pair. */
  readonly verdicts: number
  /** Pairs that they are about. */
  readonly pairs: number
  /** Problems that they are about. */
  readonly problems: number
  /** How often each verdict was given. */
  readonly counts: ReviewCounts
  /** Share of verdicts for the trained model among those that prefer one; null where none does. */
  readonly preference: Preference | null
  /** The same among all verdicts, where ties and pairs of two bad ones count half. */
  readonly withTies: Estimate | null
  /** How far people and automatic measures say the same, where they speak of any pair. */
  readonly measures: readonly MeasureAgreement[]
  /** Each two reviewers who have judged the same pairs. */
  readonly betweenReviewers: readonly ReviewersAgreement[]
  /** Share of verdicts for the completion at the left among those that prefer one. */
  readonly left: Estimate | null
  /** Verdicts that were given after a look at the expected answer. */
  readonly answersShown: number
  /** Verdicts on pairs that the evaluation does not hold (any more). They count nowhere. */
  readonly outdated: number
}

/** How many verdicts said what. */
export interface ReviewCounts {
  readonly trained: number
  readonly base: number
  readonly tie: number
  readonly bothBad: number
}

/** How often the trained model is preferred. */
export interface Preference {
  /** Verdicts that prefer one of the two. */
  readonly verdicts: number
  /** Problems that these are about. */
  readonly problems: number
  readonly share: Estimate
  /** Probability of a share at least as far from a half if people had no preference; two-sided. */
  readonly pValue: number
  /** The sign test where each problem has one verdict, else the permutation test over problems. */
  readonly test: 'exact sign' | 'sign-flip permutation'
}

/** How far people prefer the completion that an automatic measure takes for the better one. */
export interface MeasureAgreement {
  /** Of the measure. */
  readonly name: MeasureName
  /** Verdicts that prefer a completion, on pairs that the measure tells apart. */
  readonly verdicts: number
  /** Share of them for the completion that has more of what is measured. */
  readonly share: Estimate
}

/** How far two reviewers agree. */
export interface ReviewersAgreement extends RaterAgreement {
  readonly first: string
  readonly second: string
  /** Pairs that both have judged. */
  readonly pairs: number
}

/**
 * Sums up verdicts of people on pairs of an evaluation. Several verdicts on a problem count as one observation of it, as several
 * completions do in evaluations. Await `statisticsReady` of `grpo-ts/statistics` before.
 * @param lines of reviews.jsonl, in their order
 */
export function reviewResults(evaluation: Evaluation, lines: readonly ReviewLine[]): ReviewResults {
  const { policies, settings } = evaluation
  const { judged, outdated } = judgements(evaluation, lines)
  const { confidence } = settings
  const decided = judged.filter(isPreference)
  const score = ({ choice }: Judgement): number => (choice === 'trained' ? 1 : choice === 'base' ? 0 : 0.5)
  return {
    baseName: policies[0]!.name,
    trainedName: policies.at(-1)!.name,
    confidence,
    reviewers: [...groupBy(judged, ({ line }) => line.reviewer)]
      .map(([name, { length: verdicts }]) => ({ name, verdicts }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    verdicts: judged.length,
    pairs: new Set(judged.map(({ pair }) => pair.pair)).size,
    problems: new Set(judged.map(({ line }) => line.problem)).size,
    counts: {
      trained: count(judged, ({ choice }) => choice === 'trained'),
      base: count(judged, ({ choice }) => choice === 'base'),
      tie: count(judged, ({ choice }) => choice === 'tie'),
      bothBad: count(judged, ({ choice }) => choice === 'both_bad'),
    },
    preference: preferenceOf(judged, decided, evaluation),
    withTies: shareOf(judged, score, confidence),
    measures: measureNames.flatMap((name) => measureAgreement(name, decided, confidence)),
    betweenReviewers: betweenReviewers(judged, confidence),
    left: shareOf(decided, ({ line }) => Number(line.verdict === 'left'), confidence),
    answersShown: count(judged, ({ line }) => line.answer_shown),
    outdated,
  }
}

function preferenceOf(
  judged: readonly Judgement[],
  decided: readonly Judgement[],
  { settings }: Evaluation,
): Preference | null {
  const share = shareOf(decided, ({ choice }) => Number(choice === 'trained'), settings.confidence)
  if (!share) return null
  const perProblem = [...groupBy(judged, ({ line }) => line.problem).values()]
  const wins = (rows: readonly Judgement[]): number => count(rows, ({ choice }) => choice === 'trained')
  const losses = (rows: readonly Judgement[]): number => count(rows, ({ choice }) => choice === 'base')
  const isSingle = perProblem.every((rows) => rows.length === 1)
  return {
    verdicts: decided.length,
    problems: groupBy(decided, ({ line }) => line.problem).size,
    share,
    pValue: isSingle
      ? mcnemarTest(losses(judged), wins(judged))
      : signFlipTest(
          perProblem.map((rows) => (wins(rows) - losses(rows)) / rows.length),
          { resamples: Math.max(1, settings.resamples), seed: settings.seed },
        ),
    test: isSingle ? 'exact sign' : 'sign-flip permutation',
  }
}

/** None where no pair that people chose from is told apart by the measure. */
function measureAgreement(name: MeasureName, decided: readonly Judgement[], confidence: number): MeasureAgreement[] {
  const measure = measures[name].of
  const told = decided.flatMap((one) => {
    const [base, trained] = [measure(one.pair.base), measure(one.pair.trained)]
    return base === null || trained === null || base === trained
      ? []
      : [{ ...one, better: trained > base ? 'trained' : 'base' }]
  })
  const share = shareOf(told, ({ choice, better }) => Number(choice === better), confidence)
  return share ? [{ name, verdicts: told.length, share }] : []
}

function betweenReviewers(judged: readonly Judgement[], confidence: number): ReviewersAgreement[] {
  const byReviewer = [...groupBy(judged, ({ line }) => line.reviewer)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) => ({ name, choices: new Map(rows.map(({ pair, choice }) => [pair.pair, choice])) }))
  return byReviewer.flatMap((first, i) =>
    byReviewer.slice(i + 1).flatMap((second) => {
      const common = [...first.choices.keys()].filter((pair) => second.choices.has(pair))
      if (common.length === 0) return []
      const of = ({ choices }: typeof first): Choice[] => common.map((pair) => choices.get(pair)!)
      const agreement = cohenKappa(of(first), of(second), confidence)
      return [{ first: first.name, second: second.name, pairs: common.length, ...agreement }]
    }),
  )
}

/** The mean over problems of the mean of their verdicts; null without any. */
function shareOf<T extends Judgement>(
  verdicts: readonly T[],
  value: (verdict: T) => number,
  confidence: number,
): Estimate | null {
  if (verdicts.length === 0) return null
  const perProblem = [...groupBy(verdicts, ({ line }) => line.problem).values()]
  const shares = perProblem.map((rows) => mean(rows.map(value)))
  return shareEstimate(shares, verdicts.length / perProblem.length, confidence)
}

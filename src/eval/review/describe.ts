import type { Estimate } from '../../run/evaluation.js'
import { describePValue } from '../pValue.js'
import { mcnemarPower } from '../statistics/power.js'
import type { Preference, ReviewersAgreement, ReviewResults } from './results.js'

/** Below this p-value a preference counts as shown. */
const SIGNIFICANCE = 0.05
/** Share of reviews that find a preference which {@link detectableShare} names. */
const POWER = 0.8
/** Fewer preferences than these cannot be significant, whatever they are. */
const FEWEST_PREFERENCES = 6
/** On fewer pairs than these it is not told how well two reviewers agree. */
const FEWEST_COMMON_PAIRS = 30

/** What a review shows, in plain words, a sentence or two for each thing; nothing about what nobody said anything of. */
export function describeReview(results: ReviewResults): string[] {
  const { verdicts, preference, betweenReviewers, outdated, answersShown } = results
  return [
    ...(verdicts === 0 ? ['No verdicts on pairs of this evaluation yet.'] : []),
    ...(verdicts > 0 && preference === null
      ? ['No verdict prefers one of the two: ties and pairs of two bad ones tell nothing apart.']
      : []),
    ...(preference === null ? [] : describePreference(preference, results)),
    ...describePosition(results),
    ...betweenReviewers.map(describeAgreement),
    ...(answersShown === 0
      ? []
      : [`${answersShown} of ${plural(verdicts, 'verdict')} came after a look at the expected answer.`]),
    ...(outdated === 0
      ? []
      : [
          `${plural(outdated, 'verdict')} ${outdated === 1 ? 'is' : 'are'} on answers that eval.json does not hold (any more), and left out.`,
        ]),
  ]
}

function describePreference(preference: Preference, results: ReviewResults): string[] {
  const { trainedName, baseName, withTies, confidence } = results
  const { verdicts, share, pValue, test } = preference
  const headline =
    `${trainedName} is preferred to ${baseName} in ${withInterval(share, confidence)} of the ` +
    `${plural(verdicts, 'verdict')} that ${verdicts === 1 ? 'prefers' : 'prefer'} one, ${describePValue(pValue)} (${test} test).`
  return [
    `${headline} ${conclusion(preference, results)}`,
    `With ties and pairs of two bad ones counted half: ${withInterval(withTies!, confidence)} of ${plural(results.verdicts, 'verdict')}.`,
  ]
}

function conclusion({ share, pValue, problems }: Preference, { trainedName, baseName }: ReviewResults): string {
  if (pValue < SIGNIFICANCE) {
    return `People prefer ${share.value > 0.5 ? trainedName : baseName}: chance alone would rarely do this.`
  }
  const few = `at least ${FEWEST_PREFERENCES} that all say the same are needed to show anything, and about a hundred to tell how large a preference is`
  if (problems < FEWEST_PREFERENCES) return `These are too few: ${few}.`
  const detectable = detectableShare(problems)
  if (detectable === null) return `No preference is shown. These are few: ${few}.`
  return `No preference is shown; one of about ${Math.ceil(100 * detectable)} % or more would be found in four of five such reviews.`
}

/** The least share of preferences for one model that as many verdicts find with a probability of 0.8; null where none would. */
function detectableShare(problems: number): number | null {
  const isFound = (share: number): boolean =>
    mcnemarPower(problems, { fixed: share, broken: 1 - share }, SIGNIFICANCE) >= POWER
  if (!isFound(0.99)) return null
  let [low, high] = [0.5, 0.99]
  while (high - low > 0.001) {
    const middle = (low + high) / 2
    if (isFound(middle)) high = middle
    else low = middle
  }
  return high
}

function describePosition({ left, preference, confidence }: ReviewResults): string[] {
  if (left === null || preference === null) return []
  const { low, high } = left
  const isSwayed = low !== null && high !== null && (low > 0.5 || high < 0.5)
  const share = `Answer 1, at the left, is preferred in ${withInterval(left, confidence)}`
  if (!isSwayed) return [`${share}.`]
  return [
    `${share}: the place of an answer seems to sway the verdicts. Sides are drawn by lot, so that favours no model, but it hides differences.`,
  ]
}

function describeAgreement({ first, second, pairs, agreement, kappa, interval }: ReviewersAgreement): string {
  const same = `${first} and ${second} say the same of ${percent(agreement)} of ${plural(pairs, 'common pair')}`
  const few = pairs < FEWEST_COMMON_PAIRS ? '; these are too few to tell how well they agree' : ''
  if (kappa === null || interval === null) return `${same}, always with the same verdict, so there is no kappa${few}.`
  const [low, high] = interval
  return `${same}: Cohen's kappa ${kappa.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})${few}.`
}

/** `72.0 % (95 % interval 61.0 to 80.9)` */
function withInterval({ value, low, high }: Estimate, confidence: number): string {
  if (low === null || high === null) return percent(value)
  const level = Number((100 * confidence).toPrecision(4))
  return `${percent(value)} (${level} % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

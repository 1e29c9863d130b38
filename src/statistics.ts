/**
 * The statistics of evaluations: intervals, paired tests, pass@k and what an evaluation can show. `evaluate` of `grpo-ts` takes the
 * same. They need `await statisticsReady` first.
 */

export { bootstrapIntervals } from './eval/statistics/bootstrap.js'
export { clusteredInterval } from './eval/statistics/clusteredInterval.js'
export type { RaterAgreement } from './eval/statistics/cohenKappa.js'
export { cohenKappa } from './eval/statistics/cohenKappa.js'
export { statisticsReady } from './eval/statistics/distributions.js'
export { majorityCorrect } from './eval/statistics/majority.js'
export { mcnemarTest, mcnemarTestOneSided } from './eval/statistics/mcnemar.js'
export { pairedInterval } from './eval/statistics/pairedInterval.js'
export { passAtK } from './eval/statistics/passAtK.js'
export { mcnemarPower, problemsNeeded } from './eval/statistics/power.js'
export { signFlipTest } from './eval/statistics/permutationTest.js'
export type { Interval } from './eval/statistics/proportionInterval.js'
export { proportionInterval } from './eval/statistics/proportionInterval.js'

import type { GRPOConfig } from '../config/config.js'
import { percent, short } from '../../io/units.js'
import { median } from '../diagnosis/metricHistory.js'
import { EQUAL_REWARDS, signalMetrics } from '../metrics/signal.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import { mean } from '../metrics/statistics.js'
import { ok } from './preflightCheck.js'
import type { PreflightCheck } from './preflightCheck.js'
import { expectedUsableGroups } from './usableGroups.js'

/** Shares of truncated completions from which on they are a nuisance, and the end of learning. */
const TRUNCATED = 0.2
const NEVER_ENDS = 0.99

/** Below, most steps see no right completion at all; above, there is little left to learn (verifiers' rule of thumb). */
const TOO_HARD = 0.02
const TOO_EASY = 0.8

/** Shares of usable groups below which a step wastes two thirds, or nearly all, of what it samples. */
const FEW_USABLE = 1 / 3
const NONE_USABLE = 0.05

/** How long completions are when the model may end them itself, against the limit. */
export function checkCompletionLength(
  groups: readonly RolloutGroup[],
  { maxCompletionLength }: Pick<GRPOConfig, 'maxCompletionLength'>,
): PreflightCheck {
  const completions = groups.flatMap((group) => group.completions)
  const ended = completions.filter(({ finishReason }) => finishReason === 'stop').map(({ ids }) => ids.length)
  const cut = 1 - ended.length / completions.length
  const [middle, longest] = ended.length === 0 ? [0, 0] : [median(ended), Math.max(...ended)]
  const evidence = {
    'completions/clipped_ratio': cut,
    max_completion_length: maxCompletionLength,
    'median length': middle,
    'longest length': longest,
  }
  const lengths = ended.length === 0 ? '' : `; those that end take ${short(middle)} tokens (median), ${longest} at most`
  const message = `${percent(cut)} of ${completions.length} completions were cut off at ${maxCompletionLength} tokens${lengths}`
  if (cut < TRUNCATED) return ok('completion_length', message, evidence)
  return {
    name: 'completion_length',
    status: cut >= NEVER_ENDS ? 'problem' : 'warning',
    message,
    evidence,
    advice:
      cut >= NEVER_ENDS
        ? 'see whether the model ends at all when maxCompletionLength is larger; if not, show it how (shots) or name the end in stopStrings'
        : middle < maxCompletionLength / 2
          ? 'those that are cut off probably go round in circles: set maskTruncatedCompletions, or show the model how to end (shots)'
          : `set maxCompletionLength to ${2 * maxCompletionLength}`,
  }
}

/** How often completions are right, and how many groups of the training's size would have something to compare. */
export function checkSignal(
  groups: readonly RolloutGroup[],
  { numGenerations }: Pick<GRPOConfig, 'numGenerations'>,
): { passRate: number; usableGroups: number; checks: PreflightCheck[] } {
  const attempts = groups[0]?.completions.length ?? 0
  const passes = groups.map(({ completions }) => completions.filter(isRight).length)
  const passRate = mean(passes) / attempts
  const usableGroups = expectedUsableGroups(passes, attempts, numGenerations)
  const metrics = signalMetrics(groups)
  /** Groups that differ in any reward, hence also those in which only the form of the answers differs. */
  const differing = 1 - metrics['groups/all_right']! - metrics['groups/all_wrong']!
  const never = passes.filter((count) => count === 0).length
  const always = passes.filter((count) => count === attempts).length
  const evidence = {
    'pass rate': passRate,
    'never right': never,
    'always right': always,
    problems: groups.length,
    attempts,
  }
  const rate: PreflightCheck = {
    name: 'pass_rate',
    evidence,
    status: passRate < TOO_HARD || passRate > TOO_EASY ? 'warning' : 'ok',
    message: `${percent(passRate)} of the completions are right; of ${groups.length} problems ${never} were never right in ${attempts} attempts, ${always} always`,
    advice:
      passRate < TOO_HARD
        ? 'take easier problems, or show worked examples (shots)'
        : passRate > TOO_EASY
          ? 'take harder problems: most of these are solved'
          : null,
  }
  const best = Math.max(usableGroups, differing)
  const usable: PreflightCheck = {
    name: 'usable_groups',
    evidence: { 'usable groups': usableGroups, 'differing groups': differing },
    status: best < NONE_USABLE ? 'problem' : best < FEW_USABLE ? 'warning' : 'ok',
    message: `${percent(usableGroups)} of groups of ${numGenerations} should hold right and wrong completions; in ${percent(differing)} of these groups of ${attempts} the rewards differed`,
    advice:
      best >= FEW_USABLE
        ? null
        : passRate > 0.5
          ? 'take harder problems: in a group that is all right there is nothing to compare'
          : `take easier problems, or more completions of each (numGenerations ${2 * numGenerations})`,
  }
  return { passRate, usableGroups, checks: [rate, usable] }
}

/** What is said when the time was over before the completions of one problem had ended. */
export function notMeasured(
  maxSeconds: number,
  maxCompletionLength: number,
  tokensPerSecond: number,
): { passRate: null; usableGroups: null; checks: PreflightCheck[] } {
  const message = `not measured: in ${short(maxSeconds)} s, at ${short(tokensPerSecond)} tokens/s, the completions of one problem did not end`
  const advice = `give it more time (grpo-ts preflight --max-seconds), or set a maxCompletionLength below ${maxCompletionLength}`
  const evidence = { 'tokens per second': tokensPerSecond, max_completion_length: maxCompletionLength }
  const names = ['completion_length', 'pass_rate', 'usable_groups'] as const
  const checks = names.map((name) => ({ name, status: 'warning' as const, message, advice, evidence }))
  return { passRate: null, usableGroups: null, checks }
}

/** As it was judged; where it was not, by whether it earned anything. */
function isRight({ correct, reward }: RolloutGroup['completions'][number]): boolean {
  return correct ?? (reward ?? 0) > EQUAL_REWARDS
}

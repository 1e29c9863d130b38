import { short } from '../../../io/units.js'
import type { Rule, Statement } from '../finding.js'
import { median } from '../metricHistory.js'
import type { MetricHistory } from '../metricHistory.js'

/** Earlier values that a new one is compared with, and how many there have to be. */
const STEPS = 20
const STEPS_NEEDED = 8

/** Norms of small batches scatter by two or three times their median; six times is something else. */
const SPIKE = 6

/** What is left of a learning rate that is too high: half of it hardly changes anything (trouble of the main notebook: instability). */
const LOWER = 0.1

/** Below this (nats a token) the policy is so close to its reference that a jump is none. */
const NOTICEABLE_KL = 0.1

/** The KL divergence or the norm of the gradients jumps. */
export const spikes: Rule = (history, config) => {
  const [kl, norm] = [jump(history, 'kl'), jump(history, 'grad_norm')]
  const statements: Statement[] = []
  if (kl && kl.value > NOTICEABLE_KL) {
    statements.push({
      name: 'kl_spike',
      subject: null,
      severity: 'warning',
      message: `the KL divergence to the reference jumped to ${short(kl.value)} nats, ${short(kl.value / kl.usual)} times its median of ${short(kl.usual)}`,
      evidence: { kl: kl.value, 'median kl': kl.usual },
      advice: `lower learningRate to ${short(config.learningRate * LOWER)}`,
    })
  }
  if (norm) {
    statements.push({
      name: 'gradient_spike',
      subject: null,
      severity: 'warning',
      message:
        `the norm of the gradients jumped to ${short(norm.value)}, ${short(norm.value / norm.usual)} times its median of ${short(norm.usual)}` +
        (config.maxGradNorm > 0 && norm.value > config.maxGradNorm ? ` (it is clipped to ${config.maxGradNorm})` : ''),
      evidence: { grad_norm: norm.value, 'median grad_norm': norm.usual },
      advice:
        config.maxGradNorm === 0 || config.maxGradNorm > 2 * norm.usual
          ? `set maxGradNorm to ${short(2 * norm.usual)}`
          : `lower learningRate to ${short(config.learningRate * LOWER)} if it happens again`,
    })
  }
  return statements
}

/** The last value, when it is far above the usual one; values of 0, of steps without a signal, are left out. */
function jump(history: MetricHistory, name: string): { value: number; usual: number } | null {
  const value = history.last[name]
  if (value === null || value === undefined || !Number.isFinite(value)) return null
  const before = history
    .all(name)
    .slice(-STEPS - 1, -1)
    .filter((each) => each > 0)
  if (before.length < STEPS_NEEDED) return null
  const usual = median(before)
  return value > SPIKE * usual ? { value, usual } : null
}

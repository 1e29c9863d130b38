import { short } from '../../../io/units.js'
import type { Rule } from '../finding.js'

/** Metrics that are numbers as long as the arithmetic of the model is. */
const names = ['loss', 'grad_norm', 'entropy', 'kl'] as const

/** NaN or infinity where a number should be. */
export const notFinite: Rule = ({ last }, config) => {
  const broken = names.filter((name) => name in last && !Number.isFinite(last[name] ?? NaN))
  if (broken.length === 0) return []
  return [
    {
      name: 'not_finite',
      subject: null,
      severity: 'error',
      message: `${broken.join(', ')} ${broken.length === 1 ? 'is' : 'are'} not finite`,
      evidence: Object.fromEntries(broken.map((name) => [name, last[name] ?? NaN])),
      advice:
        config.maxGradNorm === 0
          ? 'set maxGradNorm to 1'
          : `lower learningRate to ${short(config.learningRate / 10)}, starting from the last good checkpoint`,
    },
  ]
}

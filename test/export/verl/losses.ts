import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parse } from 'yaml'
import type { ExportPlan } from '../../../src/export/exportPlan.js'
import { verlTarget } from '../../../src/export/verl/verlTarget.js'
import { parseTrainConfig } from '../../../src/grpo/config/trainConfig.js'
import { policyTerm } from '../../../src/grpo/losses/policyTerm.js'

/** Losses that come out in verl by other names, or with other bounds. */
const runs = [
  { lossType: 'dapo', epsilonHigh: 0.28 },
  { lossType: 'dapo', delta: 3 },
  { lossType: 'cispo', epsilonHigh: 5 },
  { lossType: 'sapo' },
]

const tokens = [0.05, 0.5, 0.79, 0.9, 1, 1.1, 1.27, 1.3, 2.5, 3.5, 6, 50].flatMap((ratio) =>
  [-2, -0.3, 0.4, 1.5].map((advantage) => [Math.log(ratio), advantage, -1.3] as const),
)

/** The largest relative difference of the loss of a token between verl, with the settings of exports, and ours. */
export function largestLossDifference(python: string, plan: ExportPlan): { difference: number; count: number } {
  const planned = runs.map((options) => {
    const config = parseTrainConfig({ ...plan.config.run, taskOptions: {}, ...options })
    const { files } = verlTarget.files({ ...plan, config })
    const { actor_rollout_ref: settings } = parse(files['verl.yaml'] as string) as {
      actor_rollout_ref: { actor: object }
    }
    return { config, actor: settings.actor }
  })
  const input = JSON.stringify(planned.map(({ actor }) => ({ actor, tokens })))
  const { status, stdout, stderr } = spawnSync(python, [path.join(import.meta.dirname, 'losses.py')], {
    input,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`losses.py ended with ${status}: ${stderr}`)
  const theirs = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as number[][]
  const differences = planned.flatMap(({ config }, k) =>
    tokens.map(([logRatio, advantage, logProb], i) => {
      const { loss } = policyTerm(config.grpo, { logProb, ratio: Math.exp(logRatio), advantage, phi: 1 })
      return Math.abs(loss - theirs[k]![i]!) / Math.max(1, Math.abs(loss))
    }),
  )
  return { difference: Math.max(...differences), count: differences.length }
}

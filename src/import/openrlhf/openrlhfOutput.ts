import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../errors.js'
import { Tokenizer } from '../../text/tokenizer.js'
import { isAdapterFolder } from '../adapter.js'
import type { EngineOutput } from '../engineOutput.js'
import { filesBelow, foldersBelow } from '../filesBelow.js'
import { readEvents } from '../eventFiles.js'
import { MetricLines } from '../metricLines.js'

/** Metrics of OpenRLHF by their names here, where they mean the same; the others keep their own. */
const names: Readonly<Record<string, string>> = {
  'rollout/reward_mean': 'reward',
  'rollout/reward_std': 'reward_std',
  'rollout/response_length_mean': 'completions/mean_length',
  'rollout/truncated_rate': 'completions/clipped_ratio',
  policy_loss: 'loss',
  actor_lr: 'learning_rate',
  actor_grad_norm: 'grad_norm',
  kl: 'kl',
  ppo_clip_ratio: 'clip_ratio/region_mean',
  'timing/step_total': 'step_time',
  'timing/generation': 'sampling_time',
}

/**
 * What OpenRLHF leaves in a folder: the metrics of its event files (logger.tensorboard_dir). It keeps no completions, and of the actor
 * all weights. Null for a folder without such metrics.
 */
export function openOpenRLHFOutput(folder: string): EngineOutput | null {
  const notes: string[] = []
  const lines = new MetricLines()
  let isOpenRLHF = false
  for (const file of filesBelow(folder, /\.tfevents\./)) {
    try {
      for (const { step, values } of readEvents(file)) {
        isOpenRLHF ||= 'train/rollout/reward_mean' in values
        lines.add(step, renamed(values))
      }
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
      notes.push(`left out, from there on: ${error.message}`)
    }
  }
  if (!isOpenRLHF) return null
  notes.push('OpenRLHF keeps no completions, so there are metrics only')
  if (lines.madeAgain > 0) {
    notes.push(`${lines.madeAgain} steps were made again after a resume; their first metrics were left out`)
  }
  const folders = [...foldersBelow(folder)]
  const adapter = folders.find(isAdapterFolder) ?? null
  const model = folders.find((place) => fs.existsSync(path.join(place, 'config.json')))
  if (adapter === null) {
    const place = model === undefined ? '' : `; grpo-ts eval --model ${model} evaluates the model that it saved`
    notes.push(`OpenRLHF trains all weights and saves no adapter${place}`)
  }
  return {
    engine: 'OpenRLHF',
    metrics: lines.lines(),
    steps: async function* () {
      // None.
    },
    adapter,
    tokenizer: folders.find((place) => Tokenizer.exists(place)) ?? null,
    notes,
  }
}

/** `train/policy_loss` by our name; what evaluations measured has `eval_` in front, as with TRL. */
function renamed(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([tag, value]) => {
      if (tag.startsWith('eval/')) return [`eval_${tag.slice('eval/'.length)}`, value]
      const name = tag.replace(/^train\//, '')
      return [Object.hasOwn(names, name) ? names[name]! : name, value]
    }),
  )
}

/**
 * Metrics of verl by their names here, where they mean the same; the others keep their own. Among these is response_length/clip_ratio: 0.9.1
 * counts the completions that are as long as the longest of the batch, whether that was cut off or not.
 */
const names: Readonly<Record<string, string>> = {
  'critic/score/mean': 'reward',
  'actor/loss': 'loss',
  'actor/grad_norm': 'grad_norm',
  'actor/lr': 'learning_rate',
  'actor/entropy': 'entropy',
  'actor/kl_loss': 'kl',
  'actor/pg_clipfrac': 'clip_ratio/region_mean',
  'response_length/mean': 'completions/mean_length',
  'response_length/min': 'completions/min_length',
  'response_length/max': 'completions/max_length',
  'training/epoch': 'epoch',
  'timing_s/step': 'step_time',
  'timing_s/gen': 'sampling_time',
}

/** Metrics that every step of a training has and no other program logs, by our names. */
export const verlMarks: readonly string[] = ['reward', 'critic/score/max', 'completions/mean_length']

/** By our names, without the number of the step, which the line has. */
export function renameVerlMetrics(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      name === 'training/global_step' ? [] : [[Object.hasOwn(names, name) ? names[name]! : name, value]],
    ),
  )
}

import fs from 'node:fs'
import path from 'node:path'
import type { CompletionLine } from '../../src/run/completionsFile.js'

/** A line of completions.jsonl. */
export function completionLine(fields: Partial<CompletionLine> = {}): CompletionLine {
  return {
    step: 1,
    group: 0,
    problem: 'p1',
    prompt: '1 + 1 =',
    completion: ' 2',
    answer: '2',
    rewards: { correctness: 1, format: 0 },
    reward: 1,
    advantage: 0.5,
    finish_reason: 'stop',
    length: 2,
    ...fields,
  }
}

/** Writes a file of a run as JSON Lines. */
export function writeLines(file: string, lines: readonly unknown[]): void {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** A run of some steps, each of some groups of four completions; like those that the trainer writes. */
export function writeRun(folder: string, steps: number, groups = 2): void {
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
  writeLines(
    path.join(folder, 'metrics.jsonl'),
    range(steps).map((i) => ({
      step: i + 1,
      loss: 0.01,
      grad_norm: 1,
      learning_rate: 1e-4,
      reward: i / steps + ((i * 7) % 5) / 10,
      entropy: 1,
      step_time: 2,
      'rewards/correctness/mean': i / steps,
      'completions/mean_length': 5,
      frac_reward_zero_std: 0,
    })),
  )
  writeLines(
    path.join(folder, 'completions.jsonl'),
    range(steps).flatMap((i) =>
      range(groups).flatMap((group) =>
        range(4).map((k) => {
          const isRight = (i + group + k) % 3 === 0
          const tokens = [`${i + 1}`, ' and', ` ${k}`, '']
          return completionLine({
            step: i + 1,
            group,
            problem: `p${group}`,
            completion: tokens.join(''),
            length: tokens.length,
            rewards: { correctness: isRight ? 1 : 0 },
            reward: isRight ? 1 : 0,
            advantage: isRight ? 1 : -0.5,
            tokens,
            logprobs: tokens.map((_, t) => -t - 0.01),
          })
        }),
      ),
    ),
  )
  fs.writeFileSync(path.join(folder, 'config.yaml'), 'model: models/tiny\ntask: arithmetic\nnum_generations: 4\n')
}

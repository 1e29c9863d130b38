import path from 'node:path'
import { z } from 'zod'
import { FileFormatError } from '../../errors.js'
import { atomicWriteJson } from '../../io/atomicWrite.js'
import { Safetensors } from '../../io/safetensors.js'
import { writeSafetensors } from '../../io/safetensorsWriter.js'
import type { Problem } from '../../grading/problem.js'
import type { GRPOConfig } from '../config/config.js'
import type { PromptSamplerState } from '../rollouts/promptSampler.js'
import { rolloutsOf } from '../rollouts/rollouts.js'
import type { RolloutGroup, Rollouts, ScoredCompletion } from '../rollouts/rollouts.js'
import type { WholeCheckpoint } from '../../run/checkpointFolders.js'
import { promptSamplerSchema, storedPrompts } from './promptSamplerSchema.js'
import { readJsonFile } from '../../io/readJsonFile.js'

const TENSORS_FILE = 'rollouts.safetensors'
const TEXTS_FILE = 'rollouts.json'

/** The files of a generation batch. */
export const rolloutFiles: readonly string[] = [TENSORS_FILE, TEXTS_FILE]

/** A generation batch, and where the data stood when it had been sampled. */
export interface StoredRollouts {
  readonly rollouts: Rollouts
  readonly prompts: PromptSamplerState
  /** Prompt and completion tokens of all rollouts so far. */
  readonly numTokens: number
}

const schema = z.object({
  prompts: promptSamplerSchema,
  numTokens: z.int().nonnegative(),
  metrics: z.record(z.string(), z.number().nullable()),
  groups: z.array(
    z.object({
      problem: z.string(),
      promptText: z.string(),
      promptIds: z.array(z.int()),
      completions: z.array(
        z.object({
          length: z.int().nonnegative(),
          finishReason: z.enum(['stop', 'length']),
          text: z.string(),
          rewards: z.record(z.string(), z.number().nullable()),
          // Checkpoints of earlier versions do not say.
          correct: z.boolean().nullable().default(null),
          reward: z.number().nullable(),
          advantage: z.number(),
        }),
      ),
    }),
  ),
})

/**
 * Writes a generation batch into the folder of a checkpoint: `rollouts.safetensors` has what belongs to each token of all
 * completions, one after the other, and `rollouts.json` the rest.
 */
export function writeRollouts(folder: string, { rollouts, prompts, numTokens }: StoredRollouts): void {
  const { groups, rows, metrics } = rollouts
  const completions = groups.flatMap((group) => group.completions)
  const ids = completions.flatMap((completion) => completion.ids)
  /** What belongs to each token; nothing where a completion has none. */
  const floats = (name: string, lists: readonly (readonly number[] | null | undefined)[]) =>
    lists.some((list) => !list)
      ? []
      : [
          {
            name,
            dtype: 'F32' as const,
            shape: [ids.length],
            data: Float32Array.from(lists.flatMap((list) => list ?? [])),
          },
        ]
  const masks = completions.map(({ ids, mask }) => mask ?? ids.map(() => 1))
  writeSafetensors(path.join(folder, TENSORS_FILE), [
    { name: 'completion_ids', dtype: 'I32', shape: [ids.length], data: Int32Array.from(ids) },
    ...floats(
      'logprobs',
      completions.map(({ logProbs }) => logProbs),
    ),
    ...floats(
      'entropies',
      completions.map(({ entropies }) => entropies),
    ),
    ...floats(
      'old_logprobs',
      completions.map(({ oldLogProbs }) => oldLogProbs),
    ),
    ...floats(
      'ref_logprobs',
      rows.map(({ refLogProbs }) => refLogProbs),
    ),
    ...(completions.some(({ mask }) => mask)
      ? [{ name: 'mask', dtype: 'I32' as const, shape: [ids.length], data: Int32Array.from(masks.flat()) }]
      : []),
  ])
  const stored: z.input<typeof schema> = {
    prompts: storedPrompts(prompts),
    numTokens,
    metrics,
    groups: groups.map(({ problem, promptText, promptIds, completions }) => ({
      problem: problem.id,
      promptText,
      promptIds: [...promptIds],
      completions: completions.map(({ ids, finishReason, text, rewards, correct, reward, advantage }) => ({
        length: ids.length,
        finishReason,
        text,
        rewards,
        correct,
        reward,
        advantage,
      })),
    })),
  }
  atomicWriteJson(path.join(folder, TEXTS_FILE), stored)
}

/** The generation batch that a checkpoint holds, or null. Throws a FileFormatError when its files are broken. */
export function readRollouts(
  { folder, has }: Pick<WholeCheckpoint, 'folder' | 'has'>,
  problems: readonly Problem[],
  config: GRPOConfig,
  acceptChangedData = false,
): StoredRollouts | null {
  if (!has(TEXTS_FILE)) return null
  const file = path.join(folder, TEXTS_FILE)
  const { groups, metrics, prompts, numTokens } = readJsonFile(file, schema)
  const tensors = Safetensors.open(path.join(folder, TENSORS_FILE))
  try {
    const ids = tensors.readIntegers('completion_ids')
    const floats = (name: string): number[] => [...tensors.readFloat32(name)]
    const optional = <T>(name: string, read: (name: string) => T): T | null => (tensors.has(name) ? read(name) : null)
    const [logProbs, entropies] = [floats('logprobs'), floats('entropies')]
    const [oldLogProbs, refLogProbs] = [optional('old_logprobs', floats), optional('ref_logprobs', floats)]
    const mask = optional('mask', (name) => tensors.readIntegers(name))
    const total = groups.flatMap(({ completions }) => completions).reduce((sum, { length }) => sum + length, 0)
    for (const { length } of [ids, logProbs, entropies, oldLogProbs ?? ids, refLogProbs ?? ids, mask ?? ids]) {
      if (length !== total) {
        throw new FileFormatError(tensors.source, `holds ${length} tokens, but ${TEXTS_FILE} speaks of ${total}`)
      }
    }
    let at = 0
    const reference: number[][] = []
    const restored = groups.map(({ problem: id, completions, ...group }): RolloutGroup => {
      const known = problems.find((each) => each.id === id)
      // What was sampled and judged is trained on, also when its problem has been left out since.
      const problem = known ?? (acceptChangedData ? { id, question: group.promptText, answer: '' } : null)
      if (!problem) throw new FileFormatError(file, `speaks of the problem ${id}, which the task does not have`)
      return {
        ...group,
        problem,
        completions: completions.map(({ length, ...completion }): ScoredCompletion => {
          const [start, end] = [at, (at += length)]
          if (refLogProbs) reference.push(refLogProbs.slice(start, end))
          const slice = (values: readonly number[]): number[] => values.slice(start, end)
          const own = mask && slice(mask)
          return {
            ...completion,
            ids: slice(ids),
            logProbs: slice(logProbs),
            entropies: slice(entropies),
            ...(own?.includes(0) && { mask: own }),
            ...(oldLogProbs && { oldLogProbs: slice(oldLogProbs) }),
          }
        }),
      }
    })
    // JSON has no NaN, the mean of nothing.
    const numbers = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, value ?? NaN]))
    const rollouts = rolloutsOf(restored, refLogProbs && reference, config, numbers)
    return { rollouts, prompts, numTokens }
  } finally {
    tensors.close()
  }
}

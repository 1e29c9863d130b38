import * as tf from '../../src/bundled/tfjs.js'
import { decoderOf, packGroups } from './api.js'
import type { CausalLM } from './api.js'
import type { ReferenceTensors } from './referenceTensors.js'

/** The tokens of one row of a padded batch that are no padding, and the columns in which they lie. */
export interface RealTokens {
  readonly ids: readonly number[]
  readonly columns: readonly number[]
}

/** Takes the padding out of a padded batch [B, T] of a reference file: grpo-ts has none, it packs sequences. */
export function realTokens(tensors: ReferenceTensors, idsName: string, maskName: string): RealTokens[] {
  const [rows, width] = tensors.info(idsName).shape as [number, number]
  const ids = tensors.readIntegers(idsName)
  const mask = tensors.readIntegers(maskName)
  return Array.from({ length: rows }, (_, row) => {
    const columns = Array.from({ length: width }, (__, column) => column).filter((t) => mask[row * width + t] === 1)
    return { ids: columns.map((column) => ids[row * width + column]!), columns }
  })
}

/** The numbers of a padded tensor [B, T] or [B, T, V] that belong to given columns of each row, row by row. */
export function selectColumns(
  tensors: ReferenceTensors,
  name: string,
  columns: readonly (readonly number[])[],
): Float32Array {
  const [, width, size = 1] = tensors.info(name).shape as [number, number, number?]
  const values = tensors.readFloat32(name)
  const selected = new Float32Array(columns.flat().length * size)
  let at = 0
  for (const [row, rowColumns] of columns.entries()) {
    for (const column of rowColumns) {
      const start = (row * width + column) * size
      selected.set(values.subarray(start, start + size), at)
      at += size
    }
  }
  return selected
}

/**
 * Logits after every token of some sequences, one after another; with the adapter off for `reference`. Null on engines that compile their
 * programs: they give log-probabilities and entropies only.
 */
export async function logitsOf(
  model: CausalLM,
  sequences: readonly (readonly number[])[],
  { reference = false }: { reference?: boolean } = {},
): Promise<Float32Array | null> /* [ΣT · V] */ {
  if (model.engine.info.isCompiled) return null
  const { batch } = packGroups(sequences.map((promptIds) => ({ promptIds, completions: [] })))
  const decoder = decoderOf(reference ? model.baseModel : model)
  decoder.lora?.refresh()
  const logits = tf.tidy(() => decoder.logits(decoder.forward(batch)))
  const values = await logits.data<'float32'>()
  logits.dispose()
  return values
}

/** Equal neighbours become one array: by that the packing of rows sees that they share a prompt. */
export function sharePrompts(prompts: readonly (readonly number[])[]): (readonly number[])[] {
  const shared: (readonly number[])[] = []
  for (const prompt of prompts) {
    const last = shared.at(-1)
    shared.push(last?.join() === prompt.join() ? last : prompt)
  }
  return shared
}

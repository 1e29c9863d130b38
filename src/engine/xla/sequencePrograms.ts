import type { BatchShape } from '../../xla/programs/batch.js'
import { listAdapter, listDecoder } from '../../xla/programs/decoderArrays.js'
import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import { backwardProgram } from '../../xla/programs/backward.js'
import { dropoutTypes } from '../../xla/programs/dropout.js'
import { forwardProgram } from '../../xla/programs/forward.js'
import type { SequenceProgram } from '../../xla/programs/forward.js'
import { batchTypes, tokensOf } from '../../xla/programs/batch.js'
import type { DeviceArray, Executable } from '../../xla/runtime/runner.js'
import type { HostArray } from '../../xla/types.js'
import type { EngineRow, RowDropout } from '../engine.js'
import { batchDropout } from './batchDropout.js'
import { batchArrays, layOut } from './batchLayout.js'
import type { BatchLayout } from './batchLayout.js'
import { largestDivisor } from './buckets.js'
import type { ArrayScope, Device } from './device.js'
import type { Ranks, Trained } from './trained.js'

/** A model whose sequences are computed. */
export interface SequenceModel {
  readonly device: Device
  readonly model: ProgramModel
  /** The weights that it was loaded with. */
  readonly decoder: DecoderArrays<DeviceArray>
  /** Null for a model by itself. */
  readonly trained: Trained | null
  /** Bytes of the logits that may exist at one time. */
  readonly logitBytes: number
}

/** A batch whose arrays are on the device. */
export interface UploadedBatch {
  readonly layout: BatchLayout
  readonly program: SequenceProgram
  /** The arguments that all programs over it take. */
  readonly inputs: readonly DeviceArray[]
}

/** Which program computes a batch of this shape. */
export function sequenceProgram(
  { model, logitBytes }: Pick<SequenceModel, 'model' | 'logitBytes'>,
  shape: BatchShape,
  ranks: Ranks | null,
  hasDropout: boolean,
): SequenceProgram {
  const own = shape.groups * shape.rows * shape.tokens
  const logitRows = largestDivisor(own, logitBytes / (4 * model.config.vocabularySize))
  return { model, shape, ranks, hasDropout, logitRows }
}

/** Lays rows out and copies what says which tokens are computed to the device, until the scope ends. */
export function uploadBatch(
  model: SequenceModel,
  rows: readonly EngineRow[],
  { temperature, dropout }: { readonly temperature: number; readonly dropout: RowDropout | null },
  scope: ArrayScope,
): UploadedBatch {
  const { config } = model.model
  const layout = layOut(rows, model.device.fewestTokens)
  const probability = model.trained?.parameters.dropout ?? 0
  const left = dropout && probability > 0 ? batchDropout(config.numLayers, probability, layout, dropout) : null
  const ranks = model.trained?.ranks ?? null
  const program = sequenceProgram(model, layout.shape, ranks, left !== null)
  const batch = batchArrays(config, layout)
  const types = batchTypes(config, layout.shape)
  const upload = <Key extends string>(values: Record<Key, HostArray>, all: Record<Key, DeviceType>): DeviceArray[] =>
    (Object.keys(all) as Key[]).map((name) => scope.upload(values[name], all[name]))
  const adapter = model.trained?.adapter(scope)
  const inputs = [
    ...listDecoder(model.trained?.decoder(scope) ?? model.decoder),
    ...(adapter ? listAdapter(adapter) : []),
    ...upload({ ...batch }, { ...types }),
    scope.upload(Float32Array.of(temperature), { dtype: 'f32', shape: [] }),
    ...(left ? upload({ ...left }, { ...dropoutTypes(tokensOf(layout.shape), config.numLayers) }) : []),
  ]
  return { layout, program, inputs }
}

type DeviceType = Parameters<ArrayScope['upload']>[1]

/** Log-probabilities and entropies alone, or with what their gradient starts from. */
export function compileForward(device: Device, program: SequenceProgram, keep: boolean): Promise<Executable> {
  return device.program(`${keep ? 'forward' : 'score'} ${keyOf(program)}`, () => forwardProgram(program, { keep }))
}

/** The gradient of what the forward program computed. */
export function compileBackward(device: Device, program: SequenceProgram): Promise<Executable> {
  return device.program(`backward ${keyOf(program)}`, () => backwardProgram(program))
}

function keyOf({ model, ...rest }: SequenceProgram): string {
  return `${modelKey(model)} ${JSON.stringify(rest)}`
}

/** What of a model a program depends on. */
export function modelKey({ config, weightType, formats = {} }: ProgramModel): string {
  const { raw, ...sizes } = config
  return JSON.stringify({ ...sizes, maxPositions: 0, weightType, formats, raw: raw.architectures ?? null })
}

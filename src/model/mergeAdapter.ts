import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError, GrpoError } from '../errors.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { float32ToBfloat16, float32ToFloat16 } from '../io/dtypes.js'
import { parseJson, quote } from '../io/json.js'
import { checkNewFolder, writeNewFolder } from '../io/newFolder.js'
import { Safetensors } from '../io/safetensors.js'
import { writeShardedSafetensors } from '../io/safetensorsWriter.js'
import type { TensorData, TensorToWrite } from '../io/safetensorsWriter.js'
import { parseModelConfig } from './config.js'
import type { ModelConfig } from './config.js'
import { ggufFileOf } from './gguf/ggufFileOf.js'
import { copyOtherFiles, withDtype } from './modelFolder.js'
import { projectionName } from './modelTensors.js'
import { readAdapter } from './peft.js'
import { quantizationOf } from './quantizedCopy.js'
import type { AdapterMatrices } from './lora.js'
import { openModelWeights } from './weights/openModelWeights.js'

const dtypes = { bfloat16: 'BF16', float16: 'F16', float32: 'F32' } as const

/** Which adapter is merged into which model, and where to. */
export interface MergeOptions {
  /** Folder of the model in Hugging Face's layout. */
  model: string
  /** Folder of the adapter in PEFT's layout. */
  adapter: string
  /** Folder for the merged model; made where it is missing, else it has to be empty. */
  output: string
  /** Largest size of a file of weights in bytes. Defaults to 5e9. */
  maxShardBytes?: number
  /** Of the merged weights. Defaults to `auto`: each tensor as the base model stores it. */
  dtype?: 'auto' | keyof typeof dtypes
  /** Ends the merging between two tensors with the reason of the signal; nothing is left behind. */
  signal?: AbortSignal
  /** Called before each tensor is written. */
  onTensor?: (done: number, total: number) => void
}

/**
 * Writes a model with an adapter's updates added to its weights, W + scale · B · A, in Hugging Face's layout with all of the
 * base's tokenizer files: any tool loads it without PEFT. One tensor at a time is in memory, besides the adapter. The folder
 * appears when it is complete. Sums are float32 and rounded once, to nearest, to the stored dtype.
 * @throws FileFormatError, UnsupportedError for files that cannot be read, ConfigError for an output folder that is not empty,
 *   GrpoError when the disk is full
 */
export async function mergeAdapter(options: MergeOptions): Promise<void> {
  const { model, output, dtype = 'auto', maxShardBytes = 5e9 } = options
  if (ggufFileOf(model) !== null) {
    throw new ConfigError(
      `${model} is a GGUF file, and adapters are merged into models in Hugging Face's layout; merge into the model that the file was ` +
        'made from, and convert the result with llama.cpp',
    )
  }
  checkNewFolder(output)
  const configFile = path.join(model, 'config.json')
  const raw = parseJson(configFile, 'the file', readFile(configFile))
  const config = parseModelConfig(raw, configFile)
  const updates = readUpdates(options.adapter, config)
  checkBase(model, config)
  const tensors = Safetensors.open(model)
  try {
    await writeNewFolder(output, async (staging) => {
      copyOtherFiles(model, staging)
      atomicWriteJson(path.join(staging, 'config.json'), dtype === 'auto' ? raw : withDtype(raw, dtype))
      const { signal } = options
      await writeShardedSafetensors(staging, mergedTensors(tensors, updates, options), { maxShardBytes, signal })
    })
  } finally {
    tensors.close()
  }
}

/** Checks the model that is merged into. Throws a ConfigError when its weights are quantised: B · A would vanish in their steps. */
function checkBase(model: string, config: ModelConfig): void {
  const weights = openModelWeights(model, config)
  const { quantization } = weights
  weights.close()
  if (quantization === null) return
  const original = quantizationOf(config.raw)?.original ?? null
  throw new ConfigError(
    `the weights in ${model} are quantised (${quantization}), and an adapter's small changes would be lost in their steps; merge into ` +
      `the model that they were made from${original === null ? '' : `: ${quote(original)}`}`,
  )
}

function readFile(file: string): Uint8Array {
  try {
    return fs.readFileSync(file)
  } catch (cause) {
    throw new FileFormatError(
      file,
      `cannot be read (${(cause as Error).message}); expected a model in Hugging Face's layout`,
      { cause },
    )
  }
}

/** The adapter's matrices by the name of the weight that they change. */
function readUpdates(folder: string, config: ModelConfig): Map<string, AdapterMatrices> {
  const { modules } = readAdapter(folder, config)
  return new Map(modules.map((one) => [`${projectionName(one.layer, one.module)}.weight`, one]))
}

function mergedTensors(
  tensors: Safetensors,
  updates: ReadonlyMap<string, AdapterMatrices>,
  { dtype = 'auto', onTensor }: MergeOptions,
): TensorToWrite[] {
  const names = tensors.names()
  let done = 0
  return names.map((name) => {
    const { dtype: stored, shape } = tensors.info(name)
    const isFloat = ['F32', 'F16', 'BF16', 'F64'].includes(stored)
    const wanted = dtype === 'auto' || !isFloat ? stored : dtypes[dtype]
    const update = updates.get(name)
    const data = (): TensorData => {
      onTensor?.(done++, names.length)
      if (!update && wanted === stored) return tensors.read(name)
      const values = tensors.readFloat32(name)
      if (update) addUpdate(values, update)
      return encode(values, wanted, name)
    }
    // A weight of 64 bits that an adapter changes has been rounded to 32.
    return { name, dtype: update && wanted === 'F64' ? 'F32' : wanted, shape, data }
  })
}

/** W + scale · B · A, row by row; each sum in float64. */
function addUpdate(
  weight: Float32Array, // [out, in]
  { a, b, r, scale }: AdapterMatrices, // a: [r, in], b: [out, r]
): void {
  const inSize = a.length / r
  const row = new Float64Array(inSize)
  for (let o = 0; o < b.length / r; o++) {
    row.fill(0)
    for (let k = 0; k < r; k++) {
      const factor = scale * b[o * r + k]!
      if (factor === 0) continue
      for (let i = 0; i < inSize; i++) row[i]! += factor * a[k * inSize + i]!
    }
    for (let i = 0; i < inSize; i++) weight[o * inSize + i]! += row[i]!
  }
}

function encode(values: Float32Array, dtype: string, name: string): Float32Array | Uint16Array {
  if (dtype === 'BF16') return float32ToBfloat16(values)
  if (dtype !== 'F16') return values
  const bits = float32ToFloat16(values)
  const overflow = bits.findIndex((pattern, i) => (pattern & 0x7c00) === 0x7c00 && Number.isFinite(values[i]))
  if (overflow < 0) return bits
  throw new GrpoError(`${name}: ${values[overflow]!} is too large for float16 (65504); merge with dtype bfloat16`)
}

import fs from 'node:fs'
import path from 'node:path'
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { float32ToBfloat16 } from '../io/dtypes.js'
import { writeSafetensors } from '../io/safetensorsWriter.js'
import { parseModelConfig } from './config.js'
import { expectedTensors } from './modelTensors.js'

/** Different random numbers that a large weight repeats: drawing each of them would take minutes for a large model. */
const DISTINCT_VALUES = 1_000_003

/**
 * Writes a model of random weights with the sizes of a config.json, without a tokenizer and without a token that ends a
 * completion: what speed and memory are measured on. Matrices are uniform in ±√(3 / in), so that hidden states keep their size;
 * they are stored in the config's torch_dtype, float32 or bfloat16.
 * @returns the folder
 */
export function createRandomModel(
  folder: string,
  /** As in config.json; eos_token_id should be missing. */
  config: Readonly<Record<string, unknown>>,
  options: {
    /** The same seed gives the same weights. Defaults to 0. */
    seed?: number
  } = {},
): string {
  const parsed = parseModelConfig(config, 'config.json')
  const random = xoroshiro128plus(options.seed ?? 0)
  const unit = Float32Array.from({ length: DISTINCT_VALUES }, () => 2 * uniformFloat32(random) - 1)
  const bfloat16 = parsed.torchDtype === 'bfloat16'
  const tensors = [...expectedTensors(parsed)].map(([name, shape]) => ({
    name,
    dtype: bfloat16 ? ('BF16' as const) : ('F32' as const),
    shape,
    data: () => {
      const values = shape.length === 1 ? vector(shape[0]!, name) : matrix(shape[0]! * shape[1]!, shape[1]!, unit)
      return bfloat16 ? float32ToBfloat16(values) : values
    },
  }))
  fs.mkdirSync(folder, { recursive: true })
  writeSafetensors(path.join(folder, 'model.safetensors'), tensors)
  atomicWriteJson(path.join(folder, 'config.json'), config)
  return folder
}

/** The weight of a norm or a bias. */
function vector(size: number, name: string): Float32Array {
  return new Float32Array(size).fill(name.endsWith('.bias') ? 0 : 1)
}

function matrix(size: number, width: number, unit: Float32Array): Float32Array {
  const bound = Math.sqrt(3 / width)
  const values = new Float32Array(size)
  for (let i = 0; i < size; i++) values[i] = unit[i % DISTINCT_VALUES]! * bound
  return values
}

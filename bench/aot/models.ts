/** The models whose programs are compiled ahead of time: in bfloat16, and larger ones with quantised weights too. */
import { matrixFormats } from '../../src/engine/xla/deviceWeights.js'
import { quantizedDtypeOf } from '../../src/model/weights/weightDtype.js'
import { integerFormat, quantizedDtypes } from '../../src/quantization/weightFormat.js'
import type { QuantizedDtype } from '../../src/quantization/weightFormat.js'
import type { ProgramModel } from '../../src/xla/programs/decoderLayer.js'
import { modelConfig, modelNames } from '../modelConfigs.js'
import type { ModelName } from '../modelConfigs.js'

const quantizedModels = ['qwen2.5-1.5b', 'llama-3.2-3b'] as const satisfies readonly ModelName[]

type QuantizedName = `${(typeof quantizedModels)[number]}-${QuantizedDtype}`
export type CompiledName = ModelName | QuantizedName

/** Their names; with quantised weights `llama-3.2-3b-int4`. */
export const compiledNames: readonly CompiledName[] = [
  ...modelNames,
  ...quantizedModels.flatMap((name) => quantizedDtypes.map((dtype) => `${name}-${dtype}` as const)),
]

/** Those that the budget has: enough of them to see what any change does. */
export const checkedNames: readonly CompiledName[] = [
  ...modelNames.filter((name) => name !== 'llama-3.2-3b'),
  'qwen2.5-1.5b-int8',
  'llama-3.2-3b-int4',
]

/** A model by its name, for computing in bfloat16. */
export function compiledModel(name: CompiledName): ProgramModel {
  const dtype = quantizedDtypes.find((each) => name.endsWith(`-${each}`))
  if (!dtype) return { config: modelConfig(name as ModelName), weightType: 'bf16' }
  const config = modelConfig(name.slice(0, -1 - dtype.length) as ModelName)
  const formats = matrixFormats(config, (tensor) => integerFormat(quantizedDtypeOf(tensor, dtype)))
  return { config, weightType: 'bf16', formats }
}

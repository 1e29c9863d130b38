import fs from 'node:fs'
import type { Engine } from '../../../engine/engine.js'
import { FileFormatError } from '../../../errors.js'
import { embeddedModelFolder } from '../../../hub/embeddedModels.js'
import { downloadConfig } from '../../../hub/modelFiles.js'
import { isRepositoryId } from '../../../hub/repository.js'
import { memorySize } from '../../../io/units.js'
import type { ModelConfig } from '../../../model/config.js'
import { quantizationOf } from '../../../model/quantizedCopy.js'
import { readModel } from '../../../model/readModel.js'
import { describeFormats, describeWeights } from '../../../model/weights/describeWeights.js'
import { openModelWeights } from '../../../model/weights/openModelWeights.js'
import { weightBytes } from '../../../model/weights/weightBytes.js'
import { quantizedDtypeOf } from '../../../model/weights/weightDtype.js'
import { weightRoom } from '../../../policy/weightRoom.js'
import { integerFormat, quantizedDtypes } from '../../../quantization/weightFormat.js'
import type { WeightFormat } from '../../../quantization/weightFormat.js'

/** A model as its files are; of one on the Hub that is not here, its config alone. */
interface StoredModel {
  readonly config: ModelConfig
  /** In words. */
  readonly format: string
  /** Of a matrix by its name; null where it is quantised and its files are not here. */
  readonly formatOf: ((name: string) => WeightFormat) | null
  readonly isQuantized: boolean
}

/** A line for the model, and one for each dtype: what its weights take, and whether the engine can hold them. Throws a GrpoError. */
export async function describeModel(folderOrId: string, engine: Engine): Promise<[name: string, finding: string][]> {
  const { config, format, formatOf, isQuantized } = await readStored(folderOrId)
  const count = (weightBytes(config, () => 'float32') / 4).toLocaleString('en')
  const room = (dtype: 'auto' | 'int8' | 'int4', formats: (name: string) => WeightFormat): string => {
    const { bytes, limit, reason } = weightRoom(engine, config, dtype, formats)
    const { name } = engine.info
    const verdict =
      bytes <= limit
        ? `the engine ${name} can hold them`
        : `more than the ${memorySize(limit)} that the engine ${name} can hold`
    return `${memorySize(bytes)} of weights, ${verdict}${reason === null ? '' : ` (${reason})`}`
  }
  return [
    ['model', `${folderOrId}: ${config.architecture}, ${config.numLayers} layers, ${count} weights`],
    [
      'dtype auto',
      `${format}: ${formatOf ? room('auto', formatOf) : 'known when its files are here (grpo-ts download)'}`,
    ],
    ...quantizedDtypes.map((dtype): [string, string] => [
      `dtype ${dtype}`,
      isQuantized
        ? describeFormats(integerFormat(dtype), integerFormat('int8')) === format
          ? 'as its files are'
          : 'not for a model that is quantised already'
        : room(dtype, (name) => integerFormat(quantizedDtypeOf(name, dtype))),
    ]),
    ['', 'a run takes more than its weights: grpo-ts preflight says how much, before anything is trained'],
  ]
}

async function readStored(folderOrId: string): Promise<StoredModel> {
  const isHere = fs.existsSync(folderOrId)
  const embedded = isHere ? null : embeddedModelFolder(folderOrId)
  const isRemote = !isHere && embedded === null && isRepositoryId(folderOrId)
  const model = readModel(isRemote ? (await downloadConfig(folderOrId)).folder : (embedded ?? folderOrId))
  if (model === null) {
    throw new FileFormatError(
      folderOrId,
      "is no model; expected a folder in Hugging Face's layout, a GGUF file, or a Hub id",
    )
  }
  const { source, config } = model
  if (isRemote) return storedByConfig(config)
  const weights = openModelWeights(source, config)
  try {
    const matrices = [...weights.shapes].filter(([, shape]) => shape.length === 2)
    const formats = new Map(matrices.map(([name]) => [name, weights.matrix(name).format]))
    return {
      config,
      format: describeWeights(config, weights, 'auto'),
      formatOf: (name) => formats.get(name)!,
      isQuantized: weights.quantization !== null,
    }
  } finally {
    weights.close()
  }
}

/** What config.json says of the weights. */
function storedByConfig(config: ModelConfig): StoredModel {
  const quantization = quantizationOf(config.raw)
  if (quantization) return { config, format: quantization.method, formatOf: null, isQuantized: true }
  const isBfloat16 = (config.raw.dtype ?? config.raw.torch_dtype) === 'bfloat16'
  // float16 is widened.
  const format = isBfloat16 ? 'bfloat16' : 'float32'
  return { config, format, formatOf: () => format, isQuantized: false }
}

import type { Safetensors } from '../../io/safetensors.js'
import type { ModelConfig } from '../config.js'
import type { GptqConfig } from '../quantizationConfig.js'
import { checkNeighbours, groupedMatrix } from './groupedIntegers.js'
import type { ModelWeights } from './modelWeights.js'
import { transpose, transposeWords, unpackWords } from './packedIntegers.js'
import {
  checkPart,
  describeGroups,
  openQuantizedWeights,
  partError,
  qweightMatrices,
  readWords,
  wholeRow,
} from './quantizedWeights.js'
import type { StoredMatrix } from './quantizedWeights.js'

/**
 * Opens a GPTQ checkpoint (Frantar et al. 2022) as AutoGPTQ and GPTQModel write it: whole numbers q packed along the inputs,
 * W = scales · (q − zero), where the format `gptq` stores zero − 1 and `gptq_v2` stores zero.
 * @throws FileFormatError, UnsupportedError
 */
export function openGptq(folder: string, config: ModelConfig, quantization: GptqConfig): ModelWeights {
  return openQuantizedWeights(
    folder,
    `GPTQ, ${quantization.bits} bits`,
    (tensors) => qweightMatrices(tensors, config, (module) => gptqMatrix(tensors, module, quantization)),
    () => `${describeGroups(quantization)} (GPTQ)`,
  )
}

function gptqMatrix(tensors: Safetensors, module: string, config: GptqConfig): StoredMatrix {
  const { bits, isSymmetric, storesZeroLessOne } = config
  const [codesName, scalesName, zerosName] = [`${module}.qweight`, `${module}.scales`, `${module}.qzeros`]
  const perWord = 32 / bits
  const { shape } = tensors.info(codesName)
  const [rows = 0, out = 0] = shape
  const width = rows * perWord
  const groupSize = config.groupSize ?? wholeRow(width)
  const groups = Math.ceil(width / groupSize)
  const zeroWords = Math.ceil(out / perWord)
  checkPart(tensors, codesName, 'I32', [rows, out])
  checkPart(tensors, scalesName, 'float', [groups, out])
  checkPart(tensors, zerosName, 'I32', [groups, zeroWords])
  const parts = [codesName, scalesName, zerosName, ...orderName(tensors, module, config, width, groupSize)]
  return groupedMatrix(tensors, {
    shape: [out, width],
    bits,
    groupSize,
    parts,
    scalesName,
    isSymmetric,
    readScales: () => transpose(tensors.readFloat32(scalesName), groups, out, out),
    readZeros: () => {
      const words = readWords(tensors, zerosName)
      // Added to whole words, as GPTQModel does: it took 1 away in this way, so that a zero point of 0 borrowed from the next one.
      if (storesZeroLessOne) for (let i = 0; i < words.length; i++) words[i]! += bits === 8 ? 0x01010101 : 0x11111111
      return transpose(unpackWords(words, bits), groups, zeroWords * perWord, out)
    },
    readCodes: () => {
      const words = readWords(tensors, codesName)
      return (first, codes) => {
        // A word holds consecutive inputs of one output, in the order of our codes.
        transposeWords(words, out, first, new Int32Array(codes.buffer))
      }
    },
  })
}

/** The name of the tensor that says which group each input is in, where there is one. */
function orderName(
  tensors: Safetensors,
  module: string,
  { usesActivationOrder }: GptqConfig,
  width: number,
  groupSize: number,
): string[] {
  const name = `${module}.g_idx`
  if (tensors.has(name)) {
    checkNeighbours(tensors, name, width, groupSize)
    return [name]
  }
  if (!usesActivationOrder) return []
  throw partError(tensors, `${module}.qweight`, 'has no g_idx beside it; desc_act is true, expected one')
}

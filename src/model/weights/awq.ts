import type { Safetensors } from '../../io/safetensors.js'
import type { ModelConfig } from '../config.js'
import type { AwqConfig } from '../quantizationConfig.js'
import { groupedMatrix } from './groupedIntegers.js'
import type { ModelWeights } from './modelWeights.js'
import { transpose, unpackWords } from './packedIntegers.js'
import {
  checkPart,
  describeGroups,
  openQuantizedWeights,
  qweightMatrices,
  readWords,
  wholeRow,
} from './quantizedWeights.js'
import type { StoredMatrix } from './quantizedWeights.js'

/** Outputs of a word, and where among its eight places each of them stands: 0, 2, 4, 6, 1, 3, 5, 7 is the order of the places. */
const PER_WORD = 8
const PLACES = [0, 4, 1, 5, 2, 6, 3, 7]

/**
 * Opens an AWQ checkpoint (Lin et al. 2023) of the version `gemm` as AutoAWQ and GPTQModel write it: whole numbers q of 4 bits, packed
 * along the outputs, W = scales · (q − zero).
 * @throws FileFormatError, UnsupportedError
 */
export function openAwq(folder: string, config: ModelConfig, { groupSize, isSymmetric }: AwqConfig): ModelWeights {
  return openQuantizedWeights(
    folder,
    'AWQ',
    (tensors) => qweightMatrices(tensors, config, (module) => awqMatrix(tensors, module, groupSize, isSymmetric)),
    () => `${describeGroups({ bits: 4, groupSize })} (AWQ)`,
  )
}

function awqMatrix(
  tensors: Safetensors,
  module: string,
  configuredGroupSize: number | null,
  isSymmetric: boolean,
): StoredMatrix {
  const [codesName, scalesName, zerosName] = [`${module}.qweight`, `${module}.scales`, `${module}.qzeros`]
  const { shape } = tensors.info(codesName)
  const [width = 0, columns = 0] = shape
  const out = columns * PER_WORD
  const groupSize = configuredGroupSize ?? wholeRow(width)
  const groups = Math.ceil(width / groupSize)
  checkPart(tensors, codesName, 'I32', [width, columns])
  checkPart(tensors, scalesName, 'float', [groups, out])
  checkPart(tensors, zerosName, 'I32', [groups, columns])
  return groupedMatrix(tensors, {
    shape: [out, width],
    bits: 4,
    groupSize,
    parts: [codesName, scalesName, zerosName],
    scalesName,
    isSymmetric,
    readScales: () => transpose(tensors.readFloat32(scalesName), groups, out, out),
    readZeros: () => {
      const packed = unpackWords(readWords(tensors, zerosName), 4)
      const zeros = packed.map((_, i) => packed[i - (i % PER_WORD) + PLACES[i % PER_WORD]!]!)
      return transpose(zeros, groups, out, out)
    },
    readCodes: () => {
      const words = readWords(tensors, codesName)
      return (first, codes) => {
        unpackRows(words, width, first, codes)
      }
    },
  })
}

/** The codes of the outputs from `first` on that `codes` has room for, two inputs to a byte. */
function unpackRows(
  words: Int32Array, // [width, out / 8]
  width: number,
  first: number,
  codes: Uint8Array, // [count, ⌈width / 2⌉]
): void {
  const columns = words.length / width
  const rowBytes = Math.ceil(width / 2)
  const end = first + codes.length / rowBytes
  for (let column = Math.floor(first / PER_WORD); column * PER_WORD < end; column++) {
    const from = Math.max(first, column * PER_WORD)
    const to = Math.min(end, (column + 1) * PER_WORD)
    for (let i = 0; i < rowBytes; i++) {
      const even = words[2 * i * columns + column]!
      // Behind an odd number of inputs half a byte is left.
      const odd = words[(2 * i + 1) * columns + column] ?? 0
      for (let o = from; o < to; o++) {
        const shift = 4 * PLACES[o % PER_WORD]!
        codes[(o - first) * rowBytes + i] = ((even >> shift) & 15) | (((odd >> shift) & 15) << 4)
      }
    }
  }
}

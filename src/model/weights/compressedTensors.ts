import type { Safetensors } from '../../io/safetensors.js'
import type { CompressedTensorsConfig } from '../quantizationConfig.js'
import { checkNeighbours, groupedMatrix } from './groupedIntegers.js'
import type { ModelWeights } from './modelWeights.js'
import { transpose, transposeWords, unpackWords } from './packedIntegers.js'
import {
  checkPart,
  describeGroups,
  modulesWith,
  openQuantizedWeights,
  partError,
  readWords,
  wholeRow,
} from './quantizedWeights.js'
import type { StoredMatrix } from './quantizedWeights.js'

/**
 * Opens a checkpoint of compressed-tensors (llm-compressor) in the format `pack-quantized`: whole numbers q packed along the inputs,
 * W = weight_scale · (q − zero), where q and zero are stored without signs.
 * @throws FileFormatError, UnsupportedError
 */
export function openCompressedTensors(folder: string, config: CompressedTensorsConfig): ModelWeights {
  return openQuantizedWeights(
    folder,
    `compressed-tensors, ${config.bits} bits`,
    (tensors) => {
      const modules = modulesWith(tensors, '.weight_packed')
      return new Map(modules.map((module) => [`${module}.weight`, packedMatrix(tensors, module, config)]))
    },
    () => `${describeGroups(config)} (compressed-tensors)`,
  )
}

function packedMatrix(tensors: Safetensors, module: string, config: CompressedTensorsConfig): StoredMatrix {
  const { bits, isSymmetric } = config
  const name = (end: string): string => `${module}.weight_${end}`
  const perWord = 32 / bits
  const { shape } = tensors.info(name('packed'))
  const [out = 0, columns = 0] = shape
  const width = columns * perWord
  checkPart(tensors, name('packed'), 'I32', [out, columns])
  const stored = tensors.readIntegers(name('shape'))
  if (stored.join() !== [out, width].join()) {
    throw partError(tensors, name('shape'), `is [${stored.slice(0, 3).join(', ')}]; expected [${out}, ${width}]`)
  }
  const groupSize = config.groupSize ?? wholeRow(width)
  const groups = Math.ceil(width / groupSize)
  const zeroRows = Math.ceil(out / perWord)
  checkPart(tensors, name('scale'), 'float', [out, groups])
  const parts = [name('packed'), name('shape'), name('scale')]
  if (!isSymmetric) {
    checkPart(tensors, name('zero_point'), 'I32', [zeroRows, groups])
    parts.push(name('zero_point'))
  }
  if (tensors.has(name('g_idx'))) {
    checkNeighbours(tensors, name('g_idx'), width, groupSize)
    parts.push(name('g_idx'))
  }
  return groupedMatrix(tensors, {
    shape: [out, width],
    bits,
    groupSize,
    parts,
    scalesName: name('scale'),
    isSymmetric,
    readScales: () => tensors.readFloat32(name('scale')),
    readZeros: () => {
      if (isSymmetric) return new Uint8Array(out * groups).fill(2 ** (bits - 1))
      // Packed along the outputs, unlike the codes.
      const words = new Int32Array(groups * zeroRows)
      transposeWords(readWords(tensors, name('zero_point')), groups, 0, words)
      return transpose(unpackWords(words, bits), groups, zeroRows * perWord, out)
    },
    readCodes: () => (first, codes) => {
      // A row of words is a row of our codes.
      codes.set(tensors.read(name('packed'), { first: first * columns, count: codes.length / 4 }))
    },
  })
}

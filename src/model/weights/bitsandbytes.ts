import { z } from 'zod'
import { UnsupportedError } from '../../errors.js'
import { bytesPerElement } from '../../io/dtypes.js'
import { parseStrictJson, quote } from '../../io/json.js'
import { parseJsonFields } from '../../io/jsonFields.js'
import type { Safetensors } from '../../io/safetensors.js'
import { greatestCommonDivisor } from '../../quantization/commonFormat.js'
import { quantizedMatrix } from '../../quantization/quantizedMatrix.js'
import { GROUP_MULTIPLE } from '../../quantization/weightFormat.js'
import type { QuantizedFormat } from '../../quantization/weightFormat.js'
import type { BitsandbytesConfig } from '../quantizationConfig.js'
import type { ModelWeights } from './modelWeights.js'
import { swapHalves } from './packedIntegers.js'
import { checkPart, openQuantizedWeights, partError, wholeRow } from './quantizedWeights.js'
import type { StoredMatrix } from './quantizedWeights.js'

/** The tensor `<name>.quant_state.bitsandbytes__nf4` says what the codes in the tensor `<name>` are. */
const STATE = /^(.+)\.quant_state\.bitsandbytes__(nf4|fp4)$/

/** What that tensor holds, as JSON. */
const stateSchema = z.object({
  quant_type: z.enum(['nf4', 'fp4'], { error: "'nf4' or 'fp4'" }),
  blocksize: z.int().min(1).max(65_536),
  shape: z.tuple([z.int().min(1), z.int().min(1)], { error: 'two sizes' }),
  nested_blocksize: z.int().min(1).max(65_536).optional(),
  nested_offset: z.number().optional(),
})

/** It has less than 200 bytes; a longer one is not what it says. */
const MAX_STATE_BYTES = 4096

/**
 * Opens a checkpoint that transformers saved with bitsandbytes: NF4 and FP4 (Dettmers et al. 2023, QLoRA), W = codebook[code] · absmax
 * of its block, where absmax may be quantised too, or LLM.int8 (Dettmers et al. 2022), W = code · SCB / 127. bitsandbytes rounds 4-bit
 * weights once more, to the dtype they were quantised from, whenever it computes with them; here they stay in float32.
 * @throws FileFormatError, UnsupportedError
 */
export function openBitsandbytes(folder: string, { bits }: BitsandbytesConfig): ModelWeights {
  return openQuantizedWeights(
    folder,
    `bitsandbytes, ${bits} bits`,
    bits === 4 ? blockMatrices : int8Matrices,
    bits === 4 ? describeBlocks : () => 'LLM.int8 (bitsandbytes)',
  )
}

/** As the first quantised matrix is. */
function describeBlocks(tensors: Safetensors): string {
  const name = tensors.names().find((one) => STATE.test(one))!
  const state = readState(tensors, name)
  const nested = state.nested_blocksize === undefined ? '' : ', double quantised'
  return `${state.quant_type.toUpperCase()} in blocks of ${state.blocksize}${nested} (bitsandbytes)`
}

function blockMatrices(tensors: Safetensors): Map<string, StoredMatrix> {
  const matrices = new Map<string, StoredMatrix>()
  for (const state of tensors.names()) {
    const name = STATE.exec(state)?.[1]
    if (name !== undefined) matrices.set(name, blockMatrix(tensors, name, state))
  }
  return matrices
}

type State = z.infer<typeof stateSchema>

function readState(tensors: Safetensors, name: string): State {
  const { dtype, byteLength } = tensors.info(name)
  if (dtype !== 'U8' || byteLength > MAX_STATE_BYTES) {
    throw partError(
      tensors,
      name,
      `has dtype ${dtype} and ${byteLength} bytes; expected U8, at most ${MAX_STATE_BYTES}`,
    )
  }
  const file = tensors.fileOf(name)
  const state = parseStrictJson(file, `tensor ${quote(name)}`, tensors.read(name))
  return parseJsonFields(z.object({ [name]: stateSchema }), { [name]: state }, file)[name]!
}

/** A matrix in 4 bits; blocks run over all its numbers, row after row. */
function blockMatrix(tensors: Safetensors, name: string, stateName: string): StoredMatrix {
  const state = readState(tensors, stateName)
  const { shape, blocksize } = state
  const [out, width] = shape
  // Where the last block of a row runs on into the next one, several groups have the scale of one block.
  const groupSize = greatestCommonDivisor(blocksize, width)
  if (groupSize % GROUP_MULTIPLE !== 0) {
    throw new UnsupportedError(
      `${tensors.fileOf(name)}: tensor ${quote(name)} has ${width} inputs in blocks of ${blocksize}; supported are widths and blocks ` +
        `that are multiples of ${GROUP_MULTIPLE}`,
    )
  }
  // Bytes alone count: with bnb_4bit_quant_storage they go by other types.
  const { byteLength, dtype } = tensors.info(name)
  if (byteLength !== (out * width) / 2) {
    throw partError(
      tensors,
      name,
      `has ${byteLength} bytes; expected ${(out * width) / 2} of [${out}, ${width}] in 4 bits`,
    )
  }
  const codebookName = `${name}.quant_map`
  checkPart(tensors, codebookName, 'float', [16])
  const blocks = Math.ceil((out * width) / blocksize)
  const absmax = openAbsmax(tensors, name, state, blocks)
  return {
    shape,
    parts: [name, stateName, codebookName, ...absmax.parts],
    open: () => {
      const codebook = tensors.readFloat32(codebookName)
      const format: QuantizedFormat = { bits: 4, groupSize, hasOffsets: false, codebook }
      return {
        format,
        read: (first, count) => {
          const matrix = quantizedMatrix([count, width], format)
          const perElement = width / 2 / bytesPerElement[dtype]
          matrix.codes.set(tensors.read(name, { first: first * perElement, count: count * perElement }))
          swapHalves(matrix.codes)
          const firstBlock = Math.floor((first * width) / blocksize)
          const endBlock = Math.ceil(((first + count) * width) / blocksize)
          const scales = absmax.read(firstBlock, endBlock - firstBlock)
          for (let g = 0; g < matrix.scales.length; g++) {
            const block = Math.floor((first * width + g * groupSize) / blocksize)
            matrix.scales[g] = scales[block - firstBlock]!
          }
          return matrix
        },
      }
    },
  }
}

/** The scales of the blocks: floats or, quantised in their turn, codes of 8 bits, whose mean was taken away before. */
function openAbsmax(
  tensors: Safetensors,
  matrix: string,
  { nested_blocksize: nestedBlock, nested_offset: offset }: State,
  blocks: number,
): { parts: string[]; read: (first: number, count: number) => Float32Array } {
  const name = `${matrix}.absmax`
  if (nestedBlock === undefined || offset === undefined) {
    checkPart(tensors, name, 'float', [blocks])
    return { parts: [name], read: (first, count) => tensors.readFloat32(name, { first, count }) }
  }
  const [largest, map] = [`${matrix}.nested_absmax`, `${matrix}.nested_quant_map`]
  checkPart(tensors, name, 'U8', [blocks])
  checkPart(tensors, largest, 'float', [Math.ceil(blocks / nestedBlock)])
  checkPart(tensors, map, 'float', [256])
  const mean = Math.fround(offset)
  return {
    parts: [name, largest, map],
    read: (first, count) => {
      const values = tensors.readFloat32(map)
      const scales = tensors.readFloat32(largest)
      // Rounded after the product and after the sum, as bitsandbytes does.
      return Float32Array.from(tensors.read(name, { first, count }), (code, i) => {
        return Math.fround(values[code]! * scales[Math.floor((first + i) / nestedBlock)]!) + mean
      })
    },
  }
}

/** The end of the names of LLM.int8's scales: the largest size in each row. */
const SCB = '.SCB'

function int8Matrices(tensors: Safetensors): Map<string, StoredMatrix> {
  const matrices = new Map<string, StoredMatrix>()
  for (const name of tensors.names()) {
    if (!name.endsWith(SCB)) continue
    const module = name.slice(0, -SCB.length)
    matrices.set(`${module}.weight`, int8Matrix(tensors, module))
  }
  return matrices
}

function int8Matrix(tensors: Safetensors, module: string): StoredMatrix {
  const name = `${module}.weight`
  const [scalesName, layoutName] = [`${module}${SCB}`, `${module}.weight_format`]
  const { shape } = tensors.info(name)
  const [out = 0, width = 0] = shape
  checkPart(tensors, name, 'I8', [out, width])
  checkPart(tensors, scalesName, 'float', [out])
  const parts = [name, scalesName]
  if (tensors.has(layoutName)) {
    parts.push(layoutName)
    checkPart(tensors, layoutName, 'U8', [])
    const layout = tensors.read(layoutName)[0]
    if (layout !== 0) {
      throw new UnsupportedError(
        `${tensors.fileOf(name)}: tensor ${quote(layoutName)} is ${layout}, a layout for one kind of GPU; supported is 0, row after row`,
      )
    }
  }
  const format: QuantizedFormat = { bits: 8, groupSize: wholeRow(width), hasOffsets: false, codebook: null }
  return {
    shape: [out, width],
    parts,
    open: () => ({
      format,
      read: (first, count) => ({
        shape: [count, width],
        format,
        codes: tensors.read(name, { first: first * width, count: count * width }),
        scales: tensors.readFloat32(scalesName, { first, count }).map((largest) => largest / 127),
        offsets: null,
      }),
    }),
  }
}

import fs from 'node:fs'
import type { QuantizedMatrix } from './quantizedMatrix.js'
import { codeBytes, groupsOf } from './weightFormat.js'

/** What assembly/index.ts exports. */
interface Quantizer {
  readonly memory: WebAssembly.Memory
  readonly ROOM: WebAssembly.Global
  readonly quantizeRows: (
    values: number,
    bfloat16: boolean,
    rows: number,
    width: number,
    groupSize: number,
    bits: number,
    codes: number,
    scales: number,
    group: number,
  ) => number
}

/** Numbers that are copied into the module's memory at a time, unless a row has more. */
const BLOCK_NUMBERS = 2 ** 17
const PAGE_BYTES = 2 ** 16

/** Undefined before it was asked for the first time; null where it does not start, which is found out once. */
let quantizer: Quantizer | null | undefined

/**
 * Quantises rows by WebAssembly, into the codes and scales of a matrix.
 * @returns whether all numbers are finite; null where there is no WebAssembly with vectors
 */
export function quantizeRowsInVectors(
  values: Float32Array | Uint16Array, // [out, width], float32 or the bits of bfloat16 numbers
  { shape: [out, width], format, codes, scales }: QuantizedMatrix,
): boolean | null {
  if (quantizer === undefined) quantizer = startQuantizer()
  if (quantizer === null) return null
  const { memory, quantizeRows } = quantizer
  const { bits, groupSize } = format
  const rowBytes = codeBytes(width, format)
  const groups = groupsOf(width, format)
  const step = Math.max(1, Math.min(out, Math.floor(BLOCK_NUMBERS / Math.max(1, width))))
  // Behind the numbers the group in float32, the scales, and the codes with what may be written beyond them.
  const valuesAt = align(quantizer.ROOM.value as number)
  const groupAt = align(valuesAt + step * width * values.BYTES_PER_ELEMENT)
  const scalesAt = align(groupAt + groupSize * 4)
  const codesAt = align(scalesAt + step * groups * 4)
  const missing = codesAt + step * rowBytes + 16 - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES))
  const bytes = new Uint8Array(memory.buffer)
  for (let first = 0; first < out; first += step) {
    const rows = Math.min(step, out - first)
    const block = values.subarray(first * width, (first + rows) * width)
    bytes.set(new Uint8Array(block.buffer, block.byteOffset, block.byteLength), valuesAt)
    const isBfloat16 = values instanceof Uint16Array
    if (!quantizeRows(valuesAt, isBfloat16, rows, width, groupSize, bits, codesAt, scalesAt, groupAt)) return false
    codes.set(bytes.subarray(codesAt, codesAt + rows * rowBytes), first * rowBytes)
    scales.set(new Float32Array(memory.buffer, scalesAt, rows * groups), first * groups)
  }
  return true
}

function align(at: number): number {
  return Math.ceil(at / 16) * 16
}

function startQuantizer(): Quantizer | null {
  try {
    const module = new WebAssembly.Module(fs.readFileSync(new URL('../../dist/quantizer.wasm', import.meta.url)))
    return new WebAssembly.Instance(module).exports as unknown as Quantizer
  } catch {
    return null
  }
}

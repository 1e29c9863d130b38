/** Reads what XLA compiled a program to: the fields of a HloModuleProto that say what runs, and on how many bytes. */
import { FileFormatError } from '../../src/errors.js'
import { fields, numbers } from './protobuf.js'

/** What an instruction gives. */
export interface HloShape {
  /** Sizes of an array; empty for scalars and tuples. */
  readonly dimensions: readonly number[]
  /** Of the array, or of all arrays of a tuple. */
  readonly bytes: number
  /** Whether it is an array of 8-bit whole numbers, such as codes of quantised weights. */
  readonly isOfBytes: boolean
  /** Of a tuple; empty for an array. */
  readonly elements: readonly HloShape[]
}

export interface HloInstruction {
  readonly name: string
  /** e.g. `fusion`, `custom-call`, `while`. */
  readonly opcode: string
  readonly shape: HloShape
  /** The computations that it runs: the inside of a fusion; body and condition of a loop, in this order. */
  readonly calls: readonly HloComputation[]
  /** Empty where it is none. */
  readonly customCallTarget: string
  /** JSON of the compiler, or empty. */
  readonly backendConfig: string
}

export interface HloComputation {
  readonly name: string
  readonly instructions: readonly HloInstruction[]
}

/**
 * The entry of a module and all that it calls.
 * @param bytes a HloModuleProtoWithConfig, which plugins call `hlo_with_config`
 * @throws FileFormatError for anything else
 */
export function parseHloModule(bytes: Uint8Array): HloComputation {
  try {
    return parseModule(bytes)
  } catch (error) {
    if (error instanceof RangeError)
      throw new FileFormatError('optimised program', `is no HLO module: ${error.message}`)
    throw error
  }
}

function parseModule(bytes: Uint8Array): HloComputation {
  const module = fields(bytes).find(({ field }) => field === 1)?.bytes ?? new Uint8Array()
  const parsed = new Map<number, { computation: HloComputation; fill: () => void }>()
  let entry: number | null = null
  for (const { field, value, bytes: content } of fields(module)) {
    if (field === 6) entry = value
    if (field === 3) parseComputation(content, parsed)
  }
  for (const { fill } of parsed.values()) fill()
  const found = entry === null ? undefined : parsed.get(entry)
  if (!found) throw new RangeError('it has no entry')
  return found.computation
}

/** Calls are filled in when all computations are known. */
function parseComputation(
  bytes: Uint8Array,
  parsed: Map<number, { computation: HloComputation; fill: () => void }>,
): void {
  let [id, name] = [0, '']
  const instructions: HloInstruction[] = []
  const called: [calls: HloComputation[], ids: number[]][] = []
  for (const { field, value, bytes: content } of fields(bytes)) {
    if (field === 1) name = text(content)
    else if (field === 5) id = value
    else if (field === 2) {
      const [instruction, ids] = parseInstruction(content)
      instructions.push(instruction)
      called.push([instruction.calls as HloComputation[], ids])
    }
  }
  const fill = (): void => {
    for (const [calls, ids] of called) {
      for (const each of ids) {
        const target = parsed.get(each)
        if (!target) throw new RangeError(`computation ${each} is missing`)
        calls.push(target.computation)
      }
    }
  }
  parsed.set(id, { computation: { name, instructions }, fill })
}

function parseInstruction(bytes: Uint8Array): [HloInstruction, calls: number[]] {
  let [name, opcode, customCallTarget, backendConfig] = ['', '', '', '']
  let shape = noShape
  const calls: number[] = []
  for (const { field, value, bytes: content, isBytes } of fields(bytes)) {
    if (field === 1) name = text(content)
    else if (field === 2) opcode = text(content)
    else if (field === 3) shape = parseShape(content)
    else if (field === 28) customCallTarget = text(content)
    else if (field === 43) backendConfig = text(content)
    else if (field === 38) calls.push(...(isBytes ? numbers(content) : [value]))
  }
  return [{ name, opcode, shape, calls: [], customCallTarget, backendConfig }, calls]
}

const noShape: HloShape = { dimensions: [], bytes: 0, isOfBytes: false, elements: [] }

/** Bytes of a number, by the numbers of xla.PrimitiveType; types that are not here, such as tokens, take none. */
const elementBytes: Readonly<Record<number, number>> = {
  1: 1, // pred
  2: 1, // s8
  3: 2, // s16
  4: 4, // s32
  5: 8, // s64
  6: 1, // u8
  7: 2, // u16
  8: 4, // u32
  9: 8, // u64
  10: 2, // f16
  11: 4, // f32
  12: 8, // f64
  15: 8, // c64
  16: 2, // bf16
  18: 16, // c128
}

function parseShape(bytes: Uint8Array): HloShape {
  let type = 0
  const dimensions: number[] = []
  const elements: HloShape[] = []
  for (const { field, value, bytes: content, isBytes } of fields(bytes)) {
    if (field === 2) type = value
    else if (field === 3) dimensions.push(...(isBytes ? numbers(content) : [value]))
    else if (field === 4) elements.push(parseShape(content))
  }
  const own = dimensions.reduce((product, size) => product * size, elementBytes[type] ?? 0)
  const isOfBytes = type === 2 || type === 6
  return { dimensions, elements, isOfBytes, bytes: elements.reduce((sum, element) => sum + element.bytes, own) }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

import type { HloComputation, HloInstruction, HloShape } from './hloModule.js'

/** What a compiled program does on the device. Loops of unknown length, such as that over tokens, count as one turn. */
export interface HloFigures {
  /** Kernels and library calls of a run. */
  readonly kernels: number
  /** The same of one layer: of the loop over layers, and where there are several, of the one with most. Null without such a loop. */
  readonly layerKernels: number | null
  /** Bytes that a layer copies without computing anything, such as weights that are cut out of those of all layers. */
  readonly layerMoved: number | null
  /** Bytes of what a layer computes from arrays of 8-bit numbers and writes: weights that are dequantised outside of products. */
  readonly layerWidened: number | null
  /** The same of the largest array, in a layer or elsewhere. */
  readonly largestWidened: number
  /** Copied and transposed arrays that are as large as `largeBytes`: name and bytes. */
  readonly largeCopies: readonly { readonly name: string; readonly bytes: number }[]
}

/** Reads them from a program's entry. */
export function hloFigures(
  entry: HloComputation,
  /** Turns of the loop over layers. */
  numLayers: number,
  /** A copy of so many bytes is one of the cache, or of what else is large. */
  largeBytes: number,
): HloFigures {
  const layers = loopsOf(entry)
    .filter((loop) => tripCount(loop) === numLayers)
    .map((loop) => loop.calls[0]!)
  const body = layers.reduce<HloComputation | null>(
    (most, next) => (most === null || kernelsOf(next) > kernelsOf(most) ? next : most),
    null,
  )
  const all = [entry, ...loopsOf(entry).map((loop) => loop.calls[0]!)]
  return {
    kernels: kernelsOf(entry),
    layerKernels: body && kernelsOf(body),
    layerMoved: body && started(body).reduce((sum, each) => sum + (movesOnly(each) ? resultOf(each).bytes : 0), 0),
    layerWidened: body && started(body).reduce((sum, each) => sum + widenedBytes(each), 0),
    largestWidened: Math.max(...all.flatMap(started).map(widenedBytes), 0),
    largeCopies: all.flatMap((computation) =>
      started(computation)
        .filter((each) => copiesAtLeast(each, largeBytes))
        .map((each) => ({ name: each.name, bytes: resultOf(each).bytes })),
    ),
  }
}

/** Instructions that start nothing on the device. */
const idle = new Set(
  (
    'parameter constant tuple get-tuple-element bitcast async-update async-done copy-done after-all add-dependency ' +
    'opt-barrier partition-id replica-id'
  ).split(' '),
)

/** Instructions that put numbers elsewhere, and those that may stand beside them in a fusion that does nothing else. */
const moves = new Set(['copy', 'copy-start', 'transpose', 'slice', 'dynamic-slice', 'reverse'])
const besideMoves = new Set(['parameter', 'constant', 'bitcast', 'reshape', 'tuple', 'get-tuple-element'])

function isLoop({ opcode }: HloInstruction): boolean {
  return opcode === 'while'
}

/** All loops that a computation runs, those within loops too. */
function loopsOf(computation: HloComputation): HloInstruction[] {
  return computation.instructions.filter(isLoop).flatMap((loop) => [loop, ...loopsOf(loop.calls[0]!)])
}

/** Turns of a loop; null where the compiler does not know them. */
function tripCount({ backendConfig }: HloInstruction): number | null {
  const turns = /"known_trip_count":\{"n":"(\d+)"\}/.exec(backendConfig)?.[1]
  return turns === undefined ? null : Number(turns)
}

/** What a computation starts on the device, but for its loops. */
function started({ instructions }: HloComputation): HloInstruction[] {
  return instructions.filter((each) => !isLoop(each) && !idle.has(each.opcode))
}

function kernelsOf(computation: HloComputation): number {
  const loops = computation.instructions
    .filter(isLoop)
    .reduce((sum, loop) => sum + (tripCount(loop) ?? 1) * kernelsOf(loop.calls[0]!), 0)
  return started(computation).length + loops
}

/** An instruction, and all that it runs where it is a fusion. */
function within(instruction: HloInstruction): HloInstruction[] {
  const inside = instruction.calls.flatMap(({ instructions }) => instructions.flatMap(within))
  return inside.length === 0 ? [instruction] : inside
}

function movesOnly(instruction: HloInstruction): boolean {
  const all = within(instruction).map(({ opcode }) => opcode)
  return all.some((opcode) => moves.has(opcode)) && all.every((opcode) => moves.has(opcode) || besideMoves.has(opcode))
}

/** Bytes that a fusion computes from large arrays of 8-bit numbers and writes; 0 where it computes from none, or only moves them. */
function widenedBytes(instruction: HloInstruction): number {
  const reads = within(instruction).some(
    ({ opcode, shape }) => opcode === 'parameter' && shape.isOfBytes && shape.bytes >= LEAST_CODES,
  )
  return reads && !movesOnly(instruction) ? resultOf(instruction).bytes : 0
}

/** Bytes of codes that count: masks and truth values of a batch are smaller. */
const LEAST_CODES = 2 ** 20

function copiesAtLeast(instruction: HloInstruction, bytes: number): boolean {
  if (resultOf(instruction).bytes < bytes) return false
  return within(instruction).some(
    (each) => ['copy', 'copy-start', 'transpose'].includes(each.opcode) && resultOf(each).bytes >= bytes,
  )
}

/** What an instruction gives: those that run beside others give their operands and their state too. */
function resultOf({ opcode, shape }: HloInstruction): HloShape {
  if (opcode === 'async-start') return shape.elements[1] ?? shape
  return opcode === 'copy-start' ? (shape.elements[0] ?? shape) : shape
}

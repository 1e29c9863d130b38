import { EngineError } from '../../errors.js'
import { GROUP_MULTIPLE, groupsOf } from '../../quantization/weightFormat.js'
import { RESERVED } from './allocator.js'
import { CODEBOOK_BYTES, panelBytes, panelForms, PanelMode } from './gemm.js'
import { KernelId, PEAK_TILE_BYTES, ROW_STATE_BYTES } from './constants.js'
import { ADDRESS_HIGH, WEIGHT_ROWS } from './kernelCalls.js'
import type { NativeMemory } from './nativeMemory.js'

/** What a call of a kernel needs to stay within bounds. */
interface Extents {
  /** Sizes and strides, which may not be negative. */
  readonly sizes: readonly number[]
  /** Sizes of a tile, at least 1. */
  readonly steps: readonly number[]
  /** What is read and written. What is not there has no bytes. */
  readonly areas: readonly (readonly [what: string, address: number, bytes: number])[]
}

/**
 * Checks that whatever a kernel reads and writes lies within the memory for tensors: in native code nothing else would stop it. Kernels that are
 * never native are not looked at, since WebAssembly traps.
 * @throws EngineError when something lies elsewhere or a size is negative
 */
export function assertWithinMemory(
  kernel: number,
  /** The kernel's arguments, 32-bit words; what they mean is said in assembly/. */
  args: Int32Array,
  tiles: number,
  /** Bytes of the memory. */
  memoryBytes: number,
  /** What else the kernel reads weights from; null where it is not native. */
  nativeMemory: Pick<NativeMemory, 'holds'> | null,
): void {
  const extentsOf = EXTENTS[kernel]
  if (!extentsOf) return
  const { sizes, steps, areas } = extentsOf(args as unknown as never, tiles)
  if (sizes.some((size) => size < 0) || steps.some((step) => step < 1)) {
    throw outOfBounds(kernel, `sizes and strides ${sizes.join(', ')}, tiles of ${steps.join(' x ')}`)
  }
  for (const [what, address, bytes] of areas) {
    if (bytes === 0) continue
    if (address >= 2 ** 32) {
      if (nativeMemory?.holds(address, bytes)) continue
      throw outOfBounds(
        kernel,
        `${what} of ${bytes} bytes at ${address}, which ${nativeMemory ? 'is no weight' : 'only native code reaches'}`,
      )
    }
    // Addresses are unsigned.
    const start = address >>> 0
    if (start < RESERVED || start + bytes > memoryBytes) {
      throw outOfBounds(kernel, `${what} of ${bytes} bytes at ${start}, in a memory of ${memoryBytes}`)
    }
  }
}

function outOfBounds(kernel: number, what: string): EngineError {
  const name = Object.entries(KernelId).find(([, id]) => id === kernel)![0]
  return new EngineError(`internal: the kernel ${name} got ${what}; expected what lies within the memory for tensors`)
}

/** An address whose upper 32 bits stand in a word of their own. */
function wideAddress(low: number, words: readonly number[]): number {
  return (words[ADDRESS_HIGH]! >>> 0) * 2 ** 32 + (low >>> 0)
}

/** Bytes from the first to the last number of a matrix with two strides. */
function matrixBytes(rows: number, rowStride: number, columns: number, columnStride: number): number {
  return rows === 0 || columns === 0 ? 0 : (rows - 1) * rowStride + (columns - 1) * columnStride + 4
}

/** Of codes; see assembly/codes.ts. */
type ScalingWords = [scales: number, offsets: number, codebook: number, groupSize: number]

/** Weights in panels, and what their codes are turned into numbers with. */
function panelAreas(
  what: string,
  weight: { address: number; mode: number; shape: readonly [out: number, width: number] },
  [scales, offsets, codebook, groupSize]: ScalingWords,
): Extents['areas'] {
  const { address, mode, shape } = weight
  const [out, width] = shape
  const panels = Math.ceil(out / 16)
  const codes: Extents['areas'][number] = [what, address, panels * panelBytes(mode, width)]
  const bits = panelForms[mode]?.codeBits ?? 0
  if (bits === 0) return [codes]
  const isGroup = groupSize > 0 && groupSize % GROUP_MULTIPLE === 0
  const bytes = isGroup ? panels * groupsOf(width, { groupSize }) * 64 : Infinity
  return [
    codes,
    ['scales', scales, bytes],
    ['offsets', offsets, offsets === 0 ? 0 : bytes],
    ['a codebook', codebook, bits === 4 ? CODEBOOK_BYTES : 0],
  ]
}

type GemmWords = readonly [
  ...[a: number, aRow: number, aDepth: number, b: number, mode: number, bDepth: number, bColumn: number],
  ...[c: number, cRow: number, cColumn: number, rows: number, columns: number, depth: number, bias: number],
  ...[alpha: number, accumulate: number, tileRows: number, scratch: number, scratchBytes: number],
  ...[lowA: number, lowARow: number, lowB: number, lowBDepth: number, lowDepth: number, tilePanels: number],
  ...ScalingWords,
]

function gemmExtents(words: GemmWords): Extents {
  const [a, aRow, aDepth, b, mode, bDepth, bColumn, c, cRow, cColumn, rows, columns, depth, bias, , , ...rest] = words
  const [tileRows, , , lowA, lowARow, lowB, lowBDepth, lowDepth, tilePanels, ...scaling] = rest
  const shape = panelForms[mode]?.isTransposed ? ([depth, columns] as const) : ([columns, depth] as const)
  const right: Extents['areas'] =
    mode === PanelMode.strided
      ? [['B', wideAddress(b, words), matrixBytes(depth, bDepth, columns, bColumn)]]
      : panelAreas('B', { address: wideAddress(b, words), mode, shape }, scaling)
  return {
    sizes: [rows, columns, depth, lowDepth, aRow, aDepth, bDepth, bColumn, cRow, cColumn, lowARow, lowBDepth],
    steps: [tileRows, tilePanels],
    areas: [
      ['A', a, matrixBytes(rows, aRow, depth, aDepth)],
      ...right,
      ['C', c, matrixBytes(rows, cRow, columns, cColumn)],
      ['a bias', bias, bias === 0 ? 0 : columns * 4],
      ["A'", lowA, matrixBytes(rows, lowARow, lowDepth, 4)],
      [
        "B'",
        lowB,
        lowBDepth === 0 ? Math.ceil(columns / 16) * lowDepth * 64 : matrixBytes(lowDepth, lowBDepth, columns, 4),
      ],
    ],
  }
}

type AttentionWords = readonly [
  ...[q: number, k: number, v: number, y: number, logSumExp: number, dy: number, delta: number, dq: number],
  ...[dk: number, dv: number, keyPanels: number, valuePanels: number, heads: number, keyValueHeads: number],
  ...[headDim: number, scale: number, list: number, entries: number],
]

/** Numbers of a head that can be; more are none. */
const MOST_HEAD_NUMBERS = 65536

/** Where the rows are that a tile of attention works on stands in lists, which native/kernels/attentionCheck.h looks at. */
function attentionExtents(words: AttentionWords, tiles: number): Extents {
  const [, , , , , , , , , , , , heads, keyValueHeads, headDim, , , entries] = words
  return {
    sizes: [entries * keyValueHeads - tiles, MOST_HEAD_NUMBERS - headDim, MOST_HEAD_NUMBERS - heads],
    steps: [entries, heads, keyValueHeads, headDim, heads / keyValueHeads],
    areas: [],
  }
}

function addExtents([a, b, out, bytes, tileBytes]: readonly [
  ...[a: number, b: number, out: number, bytes: number, tileBytes: number],
]): Extents {
  const size = bytes >>> 0
  return {
    sizes: [],
    steps: [tileBytes],
    areas: [
      ['a', a, size],
      ['b', b, size],
      ['the sum', out, size],
    ],
  }
}

function rmsNormExtents(
  [x, weight, dy, out, rows, width, , tileRows, dWeight]: readonly [
    ...[x: number, weight: number, dy: number, out: number, rows: number, width: number],
    ...[epsilon: number, tileRows: number, dWeight: number],
  ],
  tiles: number,
): Extents {
  const bytes = rows * width * 4
  return {
    sizes: [rows, width],
    steps: [tileRows],
    areas: [
      ['x', x, bytes],
      ['the result', out, bytes],
      ['the weight', weight, width * 4],
      ['dy', dy, dy === 0 ? 0 : bytes],
      ["the weight's gradients", dWeight, dWeight === 0 ? 0 : tiles * width * 4],
    ],
  }
}

function ropeExtents([x, cos, sin, out, rows, heads, half, , tileRows, positions, tableRows]: readonly [
  ...[x: number, cos: number, sin: number, out: number, rows: number, heads: number, half: number],
  ...[inverse: number, tileRows: number, positions: number, tableRows: number],
]): Extents {
  const bytes = rows * heads * half * 8
  const tableBytes = tableRows * half * 4
  return {
    sizes: [rows, heads, half, tableRows],
    steps: [tileRows],
    areas: [
      ['x', x, bytes],
      ['the result', out, bytes],
      ['cosines', cos, tableBytes],
      ['sines', sin, tableBytes],
      ['positions', positions, positions === 0 ? 0 : rows * 4],
    ],
  }
}

function swigluExtents([gate, up, dy, out, upOut, bytes, tileBytes]: readonly [
  ...[gate: number, up: number, dy: number, out: number, upOut: number, bytes: number, tileBytes: number],
]): Extents {
  const size = bytes >>> 0
  return {
    sizes: [],
    steps: [tileBytes],
    areas: [
      ['the gate', gate, size],
      ['up', up, size],
      ['the result', out, size],
      ['dy', dy, dy === 0 ? 0 : size],
      ['d up', upOut, dy === 0 ? 0 : size],
    ],
  }
}

type SoftmaxWords = readonly [
  ...[logits: number, rows: number, columns: number, column: number, targets: number, temperature: number],
  ...[tileRows: number, states: number, last: number, logProbs: number, entropies: number, statistics: number],
  ...[dLogProbs: number, dEntropies: number],
]

function logSoftmaxExtents(words: SoftmaxWords): Extents {
  const [, rows, , , , , , states, , logProbs] = words
  return softmaxExtents(words, [
    ['states', states, rows * ROW_STATE_BYTES],
    ['log-probabilities', logProbs, rows * 4],
  ])
}

function logSoftmaxGradientExtents(words: SoftmaxWords): Extents {
  const [, rows, , , , , , states, , logProbs, , , dLogProbs, dEntropies] = words
  return softmaxExtents(words, [
    ['gradients of log-probabilities', dLogProbs, rows * 4],
    ['gradients of entropies', dEntropies, rows * 4],
    ['states', states, logProbs === 0 ? 0 : rows * ROW_STATE_BYTES],
    ['log-probabilities', logProbs, logProbs === 0 ? 0 : rows * 4],
  ])
}

/** What both passes over logits read and write, and what only one of them does. */
function softmaxExtents(words: SoftmaxWords, areas: Extents['areas']): Extents {
  const [logits, rows, columns, , targets, , tileRows, , , , entropies, statistics] = words
  return {
    sizes: [rows, columns],
    steps: [tileRows],
    areas: [
      ['logits', logits, rows * columns * 4],
      ['targets', targets, rows * 4],
      ['entropies', entropies, rows * 4],
      ['statistics', statistics, rows * 8],
      ...areas,
    ],
  }
}

function embedExtents(
  words: readonly [
    ...[weight: number, ids: number, out: number, rows: number, width: number, mode: number, tileRows: number],
    ...ScalingWords,
  ],
): Extents {
  const [weight, ids, out, rows, width, mode, tileRows, scales, offsets, codebook, groupSize] = words
  const weightRows = (words as readonly number[])[WEIGHT_ROWS]!
  const panels = { address: wideAddress(weight, words), mode, shape: [weightRows, width] as const }
  return {
    sizes: [rows, width, weightRows],
    steps: [tileRows],
    areas: [
      ...panelAreas('the weight', panels, [scales, offsets, codebook, groupSize]),
      // Those that are no row of the weight the kernel itself refuses.
      ['ids', ids, rows * 4],
      ['the result', out, rows * width * 4],
    ],
  }
}

function peakExtents([, chains]: readonly [rounds: number, chains: number], tiles: number): Extents {
  return { sizes: [], steps: [], areas: [['chains', chains, tiles * PEAK_TILE_BYTES]] }
}

/** Of the kernels that native code may serve. */
const EXTENTS: Readonly<Record<number, (words: never, tiles: number) => Extents>> = {
  [KernelId.gemm]: gemmExtents,
  [KernelId.attention]: attentionExtents,
  [KernelId.attentionQueryGradient]: attentionExtents,
  [KernelId.attentionKeyGradient]: attentionExtents,
  [KernelId.add]: addExtents,
  [KernelId.rmsNorm]: rmsNormExtents,
  [KernelId.rope]: ropeExtents,
  [KernelId.swiglu]: swigluExtents,
  [KernelId.logSoftmax]: logSoftmaxExtents,
  [KernelId.logSoftmaxGradient]: logSoftmaxGradientExtents,
  [KernelId.embed]: embedExtents,
  [KernelId.peak]: peakExtents,
}

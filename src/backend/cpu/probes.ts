import type * as tf from '../../bundled/tfjs.js'
import type { KernelName } from '../../ops/kernelSets.js'
import { sourceOf } from '../../quantization/matrixSource.js'
import type { MatrixSource } from '../../quantization/matrixSource.js'
import { quantizedMatrix } from '../../quantization/quantizedMatrix.js'
import { integerFormat } from '../../quantization/weightFormat.js'
import type { QuantizedFormat } from '../../quantization/weightFormat.js'
import type { PackedWeight } from '../../ops/weight.js'
import type { CpuBackend } from './backend.js'
import { kernels } from './kernels/index.js'

/** The bytes of what some kernels gave, by what was computed. */
export type ProbeResults = ReadonlyMap<string, Uint8Array>

/**
 * Runs the kernels that wider vectors compute by other instructions, on small inputs of odd sizes: whether two modules give the same
 * bits is seen by comparing what this returns for each. All memory is given back.
 */
export function probeResults(backend: CpuBackend): ProbeResults {
  const { matrix, weight, codes, run, results, dispose } = startProbe(backend)
  try {
    for (const dtype of ['float32', 'bfloat16'] as const) {
      for (const rows of [1, 2, 3, 4, 5, 6, 10, 13, 35]) {
        const [layer, x, dy] = [weight(37, 45, dtype), matrix(rows, 45), matrix(rows, 37)]
        const [loraA, loraB, loraT] = [matrix(5, 45), matrix(37, 5), matrix(rows, 5)]
        const frozen = { weight: layer, bias: matrix(1, 37), known: null }
        const at = `of ${rows} rows, ${dtype} weights`
        run(`product ${at}`, 'LoraLinear', { x, loraA, loraB }, { scale: 0.5 }, frozen)
        run(`gradient of a product ${at}`, 'LinearInputGradient', { dy, loraT, loraA }, {}, frozen)
        run(`gradient of LoRA's A ${at}`, 'LoraAGradient', { loraT, x })
        run(`gradient of LoRA's B ${at}`, 'LoraBGradient', { dy, x, loraA }, { scale: 0.5 })
      }
    }
    for (const [name, format] of Object.entries(codeFormats)) {
      for (const rows of [1, 2, 4, 5, 13, 35]) {
        const layer = codes(37, 45, format)
        const at = `of ${rows} rows, ${name} weights`
        run(`product ${at}`, 'LoraLinear', { x: matrix(rows, 45) }, {}, { weight: layer, bias: null, known: null })
        run(`gradient of a product ${at}`, 'LinearInputGradient', { dy: matrix(rows, 37) }, {}, { weight: layer })
      }
      const ids = Int32Array.of(36, 0, 17, 16)
      run(`embedding, ${name} weights`, 'WeightRows', {}, { ids }, { weight: codes(37, 45, format) })
    }
    const [x, dy, hidden] = [matrix(7, 45), matrix(7, 45), matrix(7, 45)]
    const norm = { weight: matrix(1, 45) }
    run('RMSNorm', 'RmsNorm', { x }, { epsilon: 1e-5 }, norm)
    run('gradient of RMSNorm', 'RmsNormGradient', { x, dy }, { epsilon: 1e-5 }, norm)
    run('SwiGLU', 'Swiglu', { gate: x, up: dy })
    run('gradient of SwiGLU', 'SwigluGradient', { gate: x, up: dy, dy: hidden })
    run('rotary embedding', 'Rope', { x: matrix(7, 60), cos: matrix(7, 5), sin: matrix(7, 5) }, { inverse: false })
    run('dropout', 'KeyedDropout', { x }, { probability: 0.3, rowKeys: Int32Array.from([3, 1, 4, 1, 5, 9, 2]), key: 6 })

    // Two completions of a prompt, with heads in groups of two; the sizes fill neither a block of keys nor a vector.
    const attention = { numHeads: 4, numKeyValueHeads: 2, segments: attentionSegments }
    const [q, k, v, dAttended] = [matrix(107, 72), matrix(107, 36), matrix(107, 36), matrix(107, 72)]
    const [y, logSumExp] = run('attention', 'Attention', { q, k, v }, attention)
    run(
      'gradient of attention',
      'AttentionGradient',
      { dy: dAttended, q, k, v, y: y!, logSumExp: logSumExp! },
      attention,
    )

    const ids = Int32Array.from([0, 7, 132, 64, 8, 15, 16])
    for (const dtype of ['float32', 'bfloat16'] as const) {
      run(`embeddings, ${dtype} weights`, 'WeightRows', {}, { ids }, { weight: weight(133, 45, dtype) })
    }

    const head = { weight: weight(133, 45, 'bfloat16') }
    const targets = { targets: Int32Array.from([0, 7, 132, 64, 65, 100, 31]), temperature: 0.9 }
    const [dLogProbs, dEntropies] = [matrix(1, 7), matrix(1, 7)]
    const [, entropies, statistics] = run('log-probabilities', 'TokenLogProbs', { hidden }, targets, head)
    const outputs = { entropies: entropies!, statistics: statistics!, dLogProbs, dEntropies }
    run('gradient of log-probabilities', 'TokenLogProbsGradient', { hidden, ...outputs }, targets, head)
    const again = { ...targets, known: true }
    run('log-probabilities computed again', 'TokenLogProbsGradient', { hidden, ...outputs }, again, head)
    run('sampling', 'SampleTokens', { logits: matrix(2, 133) }, samplingAttributes)
    return results
  } finally {
    dispose()
  }
}

/** The name of the first result that is not the same to the bit; null when all are. */
export function firstDifference(expected: ProbeResults, actual: ProbeResults): string | null {
  for (const [name, bytes] of expected) if (Buffer.compare(bytes, actual.get(name)!) !== 0) return name
  return null
}

const codeFormats: Readonly<Record<string, QuantizedFormat>> = {
  int8: integerFormat('int8', 16),
  'int8 with offsets': { ...integerFormat('int8', 32), hasOffsets: true },
  int4: integerFormat('int4', 32),
  'int4 with offsets': { ...integerFormat('int4', 64), hasOffsets: true },
}

const attentionSegments = [
  { queryStart: 0, queryLength: 75, prefixStart: 0, prefixLength: 0, keyStart: 0, keyLength: 75 },
  { queryStart: 75, queryLength: 21, prefixStart: 0, prefixLength: 75, keyStart: 75, keyLength: 21 },
  { queryStart: 96, queryLength: 11, prefixStart: 0, prefixLength: 75, keyStart: 96, keyLength: 11 },
]

const samplingAttributes = {
  parameters: { temperature: 0.7, topK: 90, topP: 0.95, minP: 0.001, repetitionPenalty: 1.1 },
  uniforms: [0.3, 0.8],
  histories: [[3, 5], [120]],
}

/** A backend with pseudo-random inputs, the same ones each time. */
function startProbe(backend: CpuBackend): {
  matrix: (rows: number, columns: number) => tf.TensorInfo
  weight: (out: number, width: number, format: 'float32' | 'bfloat16') => PackedWeight
  codes: (out: number, width: number, format: QuantizedFormat) => PackedWeight
  /** Runs a kernel, keeps the bytes of its results under a name, and returns them. */
  run: (name: string, kernelName: KernelName, inputs: object, attributes?: object, frozen?: object) => tf.TensorInfo[]
  results: Map<string, Uint8Array>
  dispose: () => void
} {
  const results = new Map<string, Uint8Array>()
  const tensors: tf.TensorInfo[] = []
  const keep = <T extends tf.TensorInfo>(tensor: T): T => {
    tensors.push(tensor)
    return tensor
  }
  let state = 1
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  const kernel = (name: KernelName): (typeof kernels)[number]['run'] => kernels.find((each) => each.name === name)!.run
  const pack = (source: MatrixSource): PackedWeight => {
    const packed = [kernel('PackWeight')(backend, {}, { source }, {})].flat().map(keep)
    const [tensor, scaling] = packed as [tf.Tensor, tf.Tensor | undefined]
    const { shape, format } = source
    return { shape, format, tensor, scaling: scaling ?? null, dispose: () => undefined }
  }
  return {
    matrix: (rows, columns) => {
      const { info } = backend.allocate([rows, columns])
      const values = backend.floats(info)
      for (let i = 0; i < values.length; i++) values[i] = random()
      return keep(info)
    },
    weight: (out, width, format) => {
      const floats = Float32Array.from({ length: out * width }, random)
      const words = new Uint32Array(floats.buffer)
      const values = format === 'float32' ? floats : Uint16Array.from(words, (word) => word >>> 16)
      return pack(sourceOf([out, width], values))
    },
    codes: (out, width, format) => {
      const matrix = quantizedMatrix([out, width], format)
      for (let i = 0; i < matrix.codes.length; i++) matrix.codes[i] = 256 * random()
      for (const numbers of [matrix.scales, matrix.offsets]) numbers?.forEach((_, i) => (numbers[i] = random()))
      return pack({ name: 'a probe', shape: [out, width], format, storedBytes: 0, read: () => matrix })
    },
    run: (name, kernelName, inputs, attributes = {}, frozen = {}) => {
      const outputs = [kernel(kernelName)(backend, inputs as tf.NamedTensorInfoMap, attributes, frozen)]
        .flat()
        .map(keep)
      const bytes = outputs.map((info) => {
        const { buffer, byteOffset, byteLength } = backend.floats(info)
        return new Uint8Array(buffer, byteOffset, byteLength)
      })
      results.set(name, Buffer.concat(bytes))
      return outputs
    },
    results,
    dispose: () => {
      for (const { dataId } of tensors) backend.disposeData(dataId)
    },
  }
}

import { quote } from '../../io/json.js'
import { isQuantized } from '../../quantization/weightFormat.js'
import type { MatrixSource } from '../../quantization/matrixSource.js'
import type { ModelConfig } from '../config.js'
import type { ModelWeights } from '../weights/modelWeights.js'
import { decodeRows, GgufFile } from './ggufFile.js'
import type { GgufTensor } from './ggufHeader.js'

/** What llama.cpp calls the parts of a layer, and what transformers does. */
const layerParts: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}
const otherParts: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
}

/** The weights of a GGUF file by the names that transformers gives them. Throws a FileFormatError or an UnsupportedError. */
export function openGgufWeights(file: string, config: ModelConfig): ModelWeights {
  const gguf = GgufFile.open(file)
  try {
    return weightsOf(gguf, config)
  } catch (error) {
    gguf.close()
    throw error
  }
}

function weightsOf(gguf: GgufFile, config: ModelConfig): ModelWeights {
  const tensors = new Map<string, GgufTensor>()
  for (const [name, tensor] of gguf.tensors) {
    // The factors of the rotary embedding are part of the config.
    if (name === 'rope_freqs.weight') continue
    const own = transformersName(name)
    const other = tensors.get(own)
    if (other) throw gguf.error(`has two tensors for ${own}: ${quote(other.name)} and ${quote(name)}`)
    tensors.set(own, tensor)
  }
  const find = (name: string): GgufTensor => {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw gguf.error(`has no tensor for ${name}`)
    return tensor
  }
  return {
    source: gguf.file,
    quantization: describeQuantization(gguf),
    shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
    vector: (name) => {
      const values = gguf.readVector(find(name))
      const headDim = interleavedHeadDim(name, config)
      return headDim === null ? values : values.map((_, i) => values[interleavedRow(i, headDim)]!)
    },
    matrix: (name) => matrixOf(gguf, find(name), name, interleavedHeadDim(name, config)),
    close: () => {
      gguf.close()
    },
  }
}

/** A name that transformers has nothing for stays as it is. */
function transformersName(name: string): string {
  const [, layer, part = '', kind = ''] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? []
  const names = layer === undefined ? otherParts : layerParts
  if (!Object.hasOwn(names, part)) return name
  return `${layer === undefined ? '' : `model.layers.${layer}.`}${names[part]}.${kind}`
}

function matrixOf(gguf: GgufFile, tensor: GgufTensor, name: string, headDim: number | null): MatrixSource {
  const [out, width] = tensor.shape as [number, number]
  return {
    name,
    shape: [out, width],
    format: tensor.type.format,
    storedBytes: tensor.byteLength,
    read: (first, count) =>
      decodeRows(
        tensor,
        headDim === null
          ? gguf.readRows(tensor, first, count)
          : readInterleavedRows(gguf, tensor, headDim, first, count),
      ),
  }
}

/**
 * The size of the heads when the rows of a projection are interleaved. llama.cpp turns neighbouring dimensions of queries and keys of
 * these architectures where transformers turns those of the two halves of a head, so its converter reorders the rows of their
 * projections: of each head, rows 0, half, 1, half + 1, … of the original. Null for all other tensors.
 */
function interleavedHeadDim(name: string, { architecture, headDim }: ModelConfig): number | null {
  const isInterleaved = architecture === 'LlamaForCausalLM' || architecture === 'SmolLM3ForCausalLM'
  return isInterleaved && /\.self_attn\.[qk]_proj\./.test(name) ? headDim : null
}

/** Where a row of the original stands. */
function interleavedRow(row: number, headDim: number): number {
  const within = row % headDim
  const half = headDim / 2
  return row - within + (within < half ? 2 * within : 2 * (within - half) + 1)
}

/** Rows of the original, from all rows of the heads that they belong to. */
function readInterleavedRows(
  gguf: GgufFile,
  tensor: GgufTensor,
  headDim: number,
  first: number,
  count: number,
): Uint8Array {
  const start = Math.floor(first / headDim) * headDim
  const end = Math.min(tensor.shape[0]!, Math.ceil((first + count) / headDim) * headDim)
  const stored = gguf.readRows(tensor, start, end - start)
  const rowBytes = stored.length / (end - start)
  const rows = new Uint8Array(count * rowBytes)
  for (let i = 0; i < count; i++) {
    const at = (interleavedRow(first + i, headDim) - start) * rowBytes
    rows.set(stored.subarray(at, at + rowBytes), i * rowBytes)
  }
  return rows
}

/** Kinds of files by their number in llama.h: general.file_type. */
const fileTypes: Readonly<Record<number, string>> = {
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
}

/** What the file is called for, or the types of its quantised tensors; null when there are none. */
function describeQuantization(gguf: GgufFile): string | null {
  const types = new Set(
    [...gguf.tensors.values()].filter(({ type }) => isQuantized(type.format)).map(({ type }) => type.name),
  )
  if (types.size === 0) return null
  const name = fileTypes[gguf.number('general.file_type') ?? -1] ?? [...types].sort().join(' and ')
  return `${name} (GGUF)`
}

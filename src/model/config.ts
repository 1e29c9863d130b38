import { z } from 'zod'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { parseJsonFields } from '../io/jsonFields.js'
import { parseQuantizationConfig } from './quantizationConfig.js'
import type { QuantizationConfig } from './quantizationConfig.js'
import { parseRopeConfig } from './ropeConfig.js'
import type { RopeConfig } from './ropeFrequencies.js'

/** Where the config classes of transformers 5.23 differ: model_type and what a missing key means. */
const architectures = {
  LlamaForCausalLM: {
    modelType: 'llama',
    numKeyValueHeads: null,
    headDim: null,
    maxPositions: 2048,
    theta: 10_000,
    tieWordEmbeddings: false,
  },
  Qwen2ForCausalLM: {
    modelType: 'qwen2',
    numKeyValueHeads: 32,
    headDim: null,
    maxPositions: 32_768,
    theta: 10_000,
    tieWordEmbeddings: false,
  },
  Qwen3ForCausalLM: {
    modelType: 'qwen3',
    numKeyValueHeads: 32,
    headDim: 128,
    maxPositions: 32_768,
    theta: 10_000,
    tieWordEmbeddings: false,
  },
  SmolLM3ForCausalLM: {
    modelType: 'smollm3',
    numKeyValueHeads: 4,
    headDim: null,
    maxPositions: 32_768,
    theta: 2_000_000,
    tieWordEmbeddings: true,
  },
}

export type Architecture = keyof typeof architectures

/** A decoder as its config.json describes it, every default filled in. */
export interface ModelConfig {
  /** Family of the model, which says how its layers are built. */
  readonly architecture: Architecture
  /** Tokens of the vocabulary: rows of the token embedding. */
  readonly vocabularySize: number
  /** Width of the residual stream. */
  readonly hiddenSize: number
  /** Width of the feed-forward layers. */
  readonly intermediateSize: number
  /** Decoder layers. */
  readonly numLayers: number
  /** Attention heads of a layer. */
  readonly numHeads: number
  /** Heads of keys and values of a layer; each serves numHeads / numKeyValueHeads attention heads. */
  readonly numKeyValueHeads: number
  /** Width of an attention head. */
  readonly headDim: number
  /** Added to the mean square under the root of every RMSNorm. */
  readonly rmsNormEpsilon: number
  /** Whether the output head is the token embedding. */
  readonly tieWordEmbeddings: boolean
  /** Which projections of attention have a bias. */
  readonly attentionBias: { readonly queryKeyValue: boolean; readonly output: boolean }
  /** Whether the feed-forward layers have biases. */
  readonly mlpBias: boolean
  /** Whether each head's query and key pass an RMSNorm before the rotary embedding (Qwen3). */
  readonly queryKeyNorm: boolean
  /** Tokens. */
  readonly maxPositions: number
  /** Frequencies of the rotary embedding. */
  readonly rope: RopeConfig
  /** Per layer: false = no rotary embedding (SmolLM3). */
  readonly ropeLayers: readonly boolean[]
  /** The dtype that the weights were saved in, e.g. bfloat16; null when the config does not say. */
  readonly torchDtype: string | null
  /** How the weights were quantised before they were saved; null when they were not. */
  readonly quantization: QuantizationConfig | null
  /** The parsed config.json. */
  readonly raw: Readonly<Record<string, unknown>>
}

// Limits far above any model of these architectures keep a hostile file from asking for absurd memory.
const size = (largest: number) => z.int().min(1).max(largest)

const configSchema = z.object({
  vocab_size: size(2 ** 24),
  hidden_size: size(2 ** 17),
  intermediate_size: size(2 ** 20),
  num_hidden_layers: size(1024),
  num_attention_heads: size(4096),
  num_key_value_heads: size(4096).nullish(),
  head_dim: size(4096).nullish(),
  max_position_embeddings: size(2 ** 31 - 1).nullish(),
  rms_norm_eps: z.number().positive().lt(1).nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  sliding_window: z.int().nullish(),
  max_window_layers: z.int().nullish(),
  layer_types: z.array(z.string()).nullish(),
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)], { error: '0 or 1' })).nullish(),
  no_rope_layer_interval: z.int().min(1).nullish(),
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
})

type ConfigFields = z.infer<typeof configSchema>

/**
 * Reads a model's config.json, with old keys (rope_theta, rope_scaling, torch_dtype) or new ones (rope_parameters,
 * dtype); a missing key defaults to what the architecture's config class in transformers says, sizes must be present.
 * `file` is named in errors. Throws an UnsupportedError for what this decoder does not compute (another architecture,
 * sliding window, mixture of experts, quantised weights, …) and a FileFormatError for missing or impossible values.
 */
export function parseModelConfig(json: unknown, file: string): ModelConfig {
  if (!isJsonObject(json)) throw new FileFormatError(file, `expected a JSON object, got ${quote(json)}`)
  const architecture = parseArchitecture(json, file)
  refuseUnsupported(json, file)
  const fields = parseJsonFields(configSchema, json, file)
  const defaults = architectures[architecture]
  const ropeLayers = parseRopeLayers(architecture, fields, file)
  refuseSlidingWindow(architecture, fields, ropeLayers, file)
  const headDim = fields.head_dim ?? defaults.headDim ?? derivedHeadDim(fields, file)
  const maxPositions = fields.max_position_embeddings ?? defaults.maxPositions
  const attentionBias = fields.attention_bias ?? false
  const hasMlpBias = architecture === 'LlamaForCausalLM' || architecture === 'SmolLM3ForCausalLM'
  const config: ModelConfig = {
    architecture,
    vocabularySize: fields.vocab_size,
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    numLayers: fields.num_hidden_layers,
    numHeads: fields.num_attention_heads,
    numKeyValueHeads: parseNumKeyValueHeads(fields, defaults.numKeyValueHeads),
    headDim,
    rmsNormEpsilon: fields.rms_norm_eps ?? 1e-6,
    tieWordEmbeddings: fields.tie_word_embeddings ?? defaults.tieWordEmbeddings,
    attentionBias:
      architecture === 'Qwen2ForCausalLM'
        ? { queryKeyValue: true, output: false }
        : { queryKeyValue: attentionBias, output: attentionBias },
    mlpBias: hasMlpBias && (fields.mlp_bias ?? false),
    queryKeyNorm: architecture === 'Qwen3ForCausalLM',
    maxPositions,
    rope: parseRopeConfig(json, { theta: defaults.theta, maxPositions, headDim }, file),
    ropeLayers,
    torchDtype: fields.dtype ?? fields.torch_dtype ?? null,
    quantization: parseQuantizationConfig(json, file),
    raw: json,
  }
  checkHeads(config, file)
  return config
}

/** The architecture that `architectures` names or, where that key is missing, the one of `model_type`. */
function parseArchitecture(json: Record<string, unknown>, file: string): Architecture {
  const supported = Object.keys(architectures) as Architecture[]
  const listed = json.architectures ?? []
  if (!Array.isArray(listed)) throw new FileFormatError(file, `architectures must be a list, got ${quote(listed)}`)
  const named = listed as unknown[]
  if (named.length > 1) {
    throw new UnsupportedError(
      `${file}: names several architectures (${quote(named)}); supported is one of ${supported.join(', ')}`,
    )
  }
  const architecture = supported.find((name) =>
    named.length === 1 ? name === named[0] : architectures[name].modelType === json.model_type,
  )
  if (architecture === undefined) {
    const found = named[0] ?? json.model_type
    const problem = found === undefined ? 'names no architecture' : `the architecture ${quote(found)} is not supported`
    throw new UnsupportedError(`${file}: ${problem}; supported are ${supported.join(', ')}`)
  }
  const expected = architectures[architecture].modelType
  const modelType = json.model_type ?? expected
  if (modelType !== expected) {
    throw new FileFormatError(
      file,
      `architectures names ${architecture}, whose model_type is '${expected}', but model_type is ${quote(modelType)}`,
    )
  }
  return architecture
}

const mixtureOfExpertsKeys = [
  'num_experts',
  'num_local_experts',
  'n_routed_experts',
  'num_experts_per_tok',
  'moe_intermediate_size',
]

function refuseUnsupported(json: Record<string, unknown>, file: string): void {
  const isSet = (key: string) => json[key] !== undefined && json[key] !== null && json[key] !== 0
  const experts = mixtureOfExpertsKeys.find(isSet)
  if (experts !== undefined) {
    throw new UnsupportedError(
      `${file}: mixture of experts (${experts} is ${quote(json[experts])}) is not supported; ` +
        'supported are dense models',
    )
  }
  if (isSet('per_layer_config')) {
    throw new UnsupportedError(
      `${file}: per_layer_config is not supported; supported are models whose layers are alike`,
    )
  }
  const activation = json.hidden_act ?? 'silu'
  if (activation !== 'silu') {
    throw new UnsupportedError(`${file}: hidden_act ${quote(activation)} is not supported; supported is 'silu'`)
  }
}

/**
 * Which layers have a rotary embedding: all but in SmolLM3, where `no_rope_layers` holds 1 for a layer that has it and
 * by default every fourth has none.
 */
function parseRopeLayers(architecture: Architecture, fields: ConfigFields, file: string): boolean[] {
  const numLayers = fields.num_hidden_layers
  if (architecture !== 'SmolLM3ForCausalLM') return new Array<boolean>(numLayers).fill(true)
  const listed = fields.no_rope_layers
  if (listed == null) {
    const interval = fields.no_rope_layer_interval ?? 4
    return Array.from({ length: numLayers }, (_, layer) => (layer + 1) % interval !== 0)
  }
  if (listed.length < numLayers) {
    throw new FileFormatError(
      file,
      `no_rope_layers has ${listed.length} entries, expected one for each of the ${numLayers} layers`,
    )
  }
  return listed.slice(0, numLayers).map((usesRope) => usesRope === 1)
}

function refuseSlidingWindow(
  architecture: Architecture,
  fields: ConfigFields,
  ropeLayers: readonly boolean[],
  file: string,
): void {
  const other = fields.layer_types?.find((type) => type !== 'full_attention')
  if (other !== undefined) {
    throw new UnsupportedError(
      `${file}: layer_types holds ${quote(other)}, which is not supported; supported is 'full_attention' in all layers`,
    )
  }
  // Explicit layer types say which layers slide; without them these rules of the config classes do.
  if (fields.layer_types != null || architecture === 'LlamaForCausalLM' || fields.use_sliding_window !== true) return
  const isSmolLM3 = architecture === 'SmolLM3ForCausalLM'
  const window = fields.sliding_window === undefined && !isSmolLM3 ? 4096 : fields.sliding_window
  const firstSlidingLayer = isSmolLM3 ? ropeLayers.indexOf(false) : (fields.max_window_layers ?? 28)
  const slides = firstSlidingLayer >= 0 && firstSlidingLayer < fields.num_hidden_layers
  if (window != null && slides) {
    throw new UnsupportedError(
      `${file}: a sliding window (use_sliding_window is true, from layer ${firstSlidingLayer} on) is not ` +
        'supported; supported is full attention in all layers',
    )
  }
}

function derivedHeadDim(fields: ConfigFields, file: string): number {
  const headDim = fields.hidden_size / fields.num_attention_heads
  if (Number.isInteger(headDim)) return headDim
  throw new FileFormatError(
    file,
    `hidden_size ${fields.hidden_size} is not a multiple of num_attention_heads ${fields.num_attention_heads}, ` +
      'and head_dim is missing',
  )
}

/** A missing key means the architecture's default, null means as many as query heads. */
function parseNumKeyValueHeads(fields: ConfigFields, missing: number | null): number {
  const given = fields.num_key_value_heads === undefined ? missing : fields.num_key_value_heads
  return given ?? fields.num_attention_heads
}

function checkHeads({ headDim, numHeads, numKeyValueHeads }: ModelConfig, file: string): void {
  if (headDim % 2 !== 0) {
    throw new UnsupportedError(
      `${file}: an odd head_dim (${headDim}) is not supported: the rotary embedding turns pairs of dimensions`,
    )
  }
  if (numHeads % numKeyValueHeads !== 0) {
    throw new FileFormatError(
      file,
      `num_attention_heads ${numHeads} is not a multiple of num_key_value_heads ${numKeyValueHeads}; ` +
        'expected groups of equal size',
    )
  }
}

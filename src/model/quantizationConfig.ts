import { z } from 'zod'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { parseJsonFields } from '../io/jsonFields.js'
import { GROUP_MULTIPLE } from '../quantization/weightFormat.js'

/** How the weights of a checkpoint were quantised, as its config.json says. */
export type QuantizationConfig =
  BitsandbytesConfig | GptqConfig | AwqConfig | CompressedTensorsConfig | QuantizedCopyConfig

/** Weights that transformers quantised with bitsandbytes. */
export interface BitsandbytesConfig {
  readonly method: 'bitsandbytes'
  /** 4: blocks of NF4 or FP4; 8: LLM.int8. */
  readonly bits: 4 | 8
}

/** Weights that GPTQModel, AutoGPTQ or one of their kind quantised. */
export interface GptqConfig {
  readonly method: 'gptq'
  readonly bits: 4 | 8
  /** Inputs that have a scale in common; null for all inputs of an output. */
  readonly groupSize: number | null
  /** Whether all zero points should be the same. */
  readonly isSymmetric: boolean
  /** Whether the inputs of a group may lie anywhere (desc_act). */
  readonly usesActivationOrder: boolean
  /** The format `gptq`, not `gptq_v2`. */
  readonly storesZeroLessOne: boolean
}

/** Weights that AutoAWQ or one of its kind quantised, in 4 bits. */
export interface AwqConfig {
  readonly method: 'awq'
  /** See {@link GptqConfig}. */
  readonly groupSize: number | null
  readonly isSymmetric: boolean
}

/** Weights in the format `pack-quantized` of compressed-tensors, which llm-compressor writes. */
export interface CompressedTensorsConfig {
  readonly method: 'compressed-tensors'
  readonly bits: 4 | 8
  /** See {@link GptqConfig}. */
  readonly groupSize: number | null
  readonly isSymmetric: boolean
}

/** Weights that `quantizeModel` quantised: symmetric whole numbers with a scale for each group of inputs. */
export interface QuantizedCopyConfig {
  readonly method: 'grpo-ts'
  /** Of the layers' weights. */
  readonly bits: 4 | 8
  readonly groupSize: number
  /** Of embeddings and output head. */
  readonly embeddingsBits: 4 | 8
  readonly embeddingsGroupSize: number
}

const bitsandbytesSchema = z.object({
  load_in_4bit: z.boolean().nullish(),
  load_in_8bit: z.boolean().nullish(),
})

const groupSize = z.union(
  [
    z.literal(-1),
    z
      .int()
      .min(1)
      .max(2 ** 20),
  ],
  { error: '-1 or a positive whole number' },
)

const gptqSchema = z.object({
  bits: z.int(),
  group_size: groupSize,
  sym: z.boolean().nullish(),
  desc_act: z.boolean().nullish(),
  checkpoint_format: z.string().nullish(),
  format: z.string().nullish(),
  dynamic: z.record(z.string(), z.unknown()).nullish(),
})

// Tools that make AWQ checkpoints once had names of their own for bits and group_size.
const awqSchema = z.object({
  bits: z.int().nullish(),
  w_bit: z.int().nullish(),
  group_size: groupSize.nullish(),
  q_group_size: groupSize.nullish(),
  zero_point: z.boolean().nullish(),
  version: z.string().nullish(),
  format: z.string().nullish(),
})

const compressedTensorsSchema = z.object({
  format: z.string(),
  config_groups: z.record(
    z.string(),
    z.object({
      weights: z.object({
        num_bits: z.int(),
        type: z.string().nullish(),
        symmetric: z.boolean().nullish(),
        strategy: z.string(),
        group_size: groupSize.nullish(),
      }),
      input_activations: z.unknown(),
    }),
  ),
  sparsity_config: z.object({ format: z.string().nullish() }).nullish(),
})

const copyBits = z.union([z.literal(4), z.literal(8)], { error: '4 or 8' })
const copyGroupSize = z.int().min(GROUP_MULTIPLE).max(65_536).multipleOf(GROUP_MULTIPLE)

const quantizedCopySchema = z.object({
  quant_method: z.literal('grpo-ts'),
  bits: copyBits,
  group_size: copyGroupSize,
  embeddings_bits: copyBits,
  embeddings_group_size: copyGroupSize,
  /** What the copy was made from: a folder or Hub id. */
  base_model: z.string().nullish(),
})

/** `quantization_config` of a quantised copy. */
export type QuantizedCopyJson = z.infer<typeof quantizedCopySchema>

type Json = Record<string, unknown>

const parsers: Record<string, (json: Json, file: string) => QuantizationConfig> = {
  bitsandbytes: parseBitsandbytes,
  gptq: parseGptq,
  awq: parseAwq,
  'compressed-tensors': parseCompressedTensors,
  'grpo-ts': parseQuantizedCopy,
}

const ORIGINAL =
  'the model that it was made from, with weights in bfloat16, float16 or float32, which dtype ' +
  "'int8' or 'int4' quantises while it is loaded"

/**
 * Reads `quantization_config` of a model's config.json; null where there is none.
 * @throws UnsupportedError that names the method, for one that is not read, FileFormatError for values that cannot be
 */
export function parseQuantizationConfig(
  json: Json, // the whole config.json
  file: string,
): QuantizationConfig | null {
  const found = json.quantization_config ?? json.compression_config ?? null
  if (found === null) return null
  if (!isJsonObject(found)) {
    throw new FileFormatError(file, `quantization_config must be an object, got ${quote(found)}`)
  }
  const method = methodOf(found)
  const parse = Object.hasOwn(parsers, method) ? parsers[method] : undefined
  if (parse === undefined) {
    throw new UnsupportedError(
      `${file}: weights quantised with ${quote(method)} (quantization_config.quant_method) are not supported; supported are ` +
        `checkpoints of bitsandbytes, GPTQ, AWQ and compressed-tensors: take one of these, or ${ORIGINAL}`,
    )
  }
  return parse(found, file)
}

/** Old versions of transformers wrote no method for bitsandbytes. */
function methodOf({ quant_method: method, load_in_4bit: in4bit, load_in_8bit: in8bit }: Json): string {
  if (method === undefined && (in4bit === true || in8bit === true)) return 'bitsandbytes'
  return typeof method === 'string' ? method : JSON.stringify(method ?? null)
}

function parseBitsandbytes(json: Json, file: string): BitsandbytesConfig {
  const { load_in_4bit: in4bit, load_in_8bit: in8bit } = parseFields(bitsandbytesSchema, json, file)
  if ((in4bit ?? false) === (in8bit ?? false)) {
    throw new FileFormatError(
      file,
      `quantization_config has load_in_4bit ${quote(in4bit)} and load_in_8bit ${quote(in8bit)}; expected one of them to be true`,
    )
  }
  return { method: 'bitsandbytes', bits: in4bit === true ? 4 : 8 }
}

function parseGptq(json: Json, file: string): GptqConfig {
  const fields = parseFields(gptqSchema, json, file)
  const { bits } = fields
  const format = (fields.checkpoint_format ?? fields.format ?? 'gptq').toLowerCase()
  if (bits !== 4 && bits !== 8) throw unsupported(file, `a GPTQ checkpoint of ${bits} bits`, '4 and 8 bits')
  if (format !== 'gptq' && format !== 'gptq_v2') {
    throw unsupported(file, `the GPTQ format ${quote(format)}`, 'gptq and gptq_v2')
  }
  // A rule that begins with -: names modules that are not quantised.
  const rule = Object.keys(fields.dynamic ?? {}).find((name) => !name.startsWith('-:'))
  if (rule !== undefined) {
    throw unsupported(file, `a quantisation of its own for ${quote(rule)} (dynamic)`, 'one for all modules')
  }
  return {
    method: 'gptq',
    bits,
    groupSize: groupSizeOf(fields.group_size, file),
    isSymmetric: fields.sym ?? true,
    usesActivationOrder: fields.desc_act ?? false,
    storesZeroLessOne: format === 'gptq',
  }
}

function parseAwq(json: Json, file: string): AwqConfig {
  const fields = parseFields(awqSchema, json, file)
  const bits = fields.bits ?? fields.w_bit ?? 4
  const version = (fields.version ?? fields.format ?? 'gemm').toLowerCase()
  if (bits !== 4) throw unsupported(file, `an AWQ checkpoint of ${bits} bits`, '4 bits')
  if (version !== 'gemm') throw unsupported(file, `the AWQ version ${quote(version)}`, 'gemm')
  const size = fields.group_size ?? fields.q_group_size ?? 128
  return { method: 'awq', groupSize: groupSizeOf(size, file), isSymmetric: fields.zero_point === false }
}

function parseCompressedTensors(json: Json, file: string): CompressedTensorsConfig {
  const fields = parseFields(compressedTensorsSchema, json, file)
  const groups = Object.values(fields.config_groups)
  const sparsity = fields.sparsity_config?.format ?? 'dense'
  if (fields.format !== 'pack-quantized') {
    throw unsupported(file, `the format ${quote(fields.format)} of compressed-tensors`, 'pack-quantized')
  }
  if (sparsity !== 'dense') throw unsupported(file, `the sparse format ${quote(sparsity)}`, 'dense weights')
  const [group, another] = groups
  if (group === undefined || another !== undefined) {
    throw unsupported(file, `a list of ${groups.length} config_groups`, 'one for all modules')
  }
  if (group.input_activations != null) {
    throw unsupported(
      file,
      'a model whose activations are quantised too (input_activations)',
      'quantised weights alone',
    )
  }
  const { num_bits: bits, type = 'int', strategy, symmetric, group_size: size } = group.weights
  if ((bits !== 4 && bits !== 8) || type !== 'int') {
    throw unsupported(file, `a checkpoint of ${bits} bits of type ${quote(type)}`, "4 and 8 bits of type 'int'")
  }
  if (strategy !== 'group' && strategy !== 'channel') {
    throw unsupported(file, `the strategy ${quote(strategy)}`, 'group and channel')
  }
  if (strategy === 'group' && size == null) {
    throw new FileFormatError(file, 'quantization_config has the strategy group without a group_size; expected one')
  }
  return {
    method: 'compressed-tensors',
    bits,
    groupSize: groupSizeOf(strategy === 'group' ? size! : -1, file),
    isSymmetric: symmetric ?? true,
  }
}

/** The size of groups; null for the whole row, which is -1 in the file. */
function groupSizeOf(size: number, file: string): number | null {
  if (size === -1) return null
  if (size % GROUP_MULTIPLE === 0) return size
  throw unsupported(file, `quantization_config.group_size ${size}`, `-1 and multiples of ${GROUP_MULTIPLE}`)
}

function unsupported(file: string, what: string, supported: string): UnsupportedError {
  return new UnsupportedError(
    `${file}: ${what} is not supported; supported are ${supported}: take such a checkpoint, or ${ORIGINAL}`,
  )
}

function parseQuantizedCopy(json: Json, file: string): QuantizedCopyConfig {
  const fields = parseFields(quantizedCopySchema, json, file)
  return {
    method: 'grpo-ts',
    bits: fields.bits,
    groupSize: fields.group_size,
    embeddingsBits: fields.embeddings_bits,
    embeddingsGroupSize: fields.embeddings_group_size,
  }
}

/** As parseJsonFields, with fields named as in the whole file. */
function parseFields<T>(schema: z.ZodType<T>, json: Json, file: string): T {
  const whole = z.object({ quantization_config: schema })
  return parseJsonFields(whole, { quantization_config: json }, file).quantization_config
}

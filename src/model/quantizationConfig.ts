import { z } from 'zod'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { parseJsonFields } from '../io/jsonFields.js'

/** How the weights of a checkpoint were quantised, as its config.json says. */
export type QuantizationConfig = BitsandbytesConfig

/** Weights that transformers quantised with bitsandbytes. */
export interface BitsandbytesConfig {
  readonly method: 'bitsandbytes'
  /** 4: blocks of NF4 or FP4; 8: LLM.int8. */
  readonly bits: 4 | 8
}

const bitsandbytesSchema = z.object({
  load_in_4bit: z.boolean().nullish(),
  load_in_8bit: z.boolean().nullish(),
})

type Json = Record<string, unknown>

const parsers: Record<string, (json: Json, file: string) => QuantizationConfig> = {
  bitsandbytes: parseBitsandbytes,
}

/** What is said of every kind of quantisation that is not read. */
export const READABLE_QUANTIZATIONS =
  'checkpoints are read that bitsandbytes quantised; take such a one, or the model that this one was made ' +
  "from, with weights in bfloat16, float16 or float32: with dtype 'int8' or 'int4' it is quantised while it is loaded"

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
      `${file}: weights quantised with ${quote(method)} (quantization_config.quant_method) are not supported: ${READABLE_QUANTIZATIONS}`,
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

/** As parseJsonFields, with fields named as in the whole file. */
function parseFields<T>(schema: z.ZodType<T>, json: Json, file: string): T {
  const whole = z.object({ quantization_config: schema })
  return parseJsonFields(whole, { quantization_config: json }, file).quantization_config
}

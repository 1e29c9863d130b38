import { z } from 'zod'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { parseJsonFields } from '../io/jsonFields.js'
import type { RopeConfig } from './ropeFrequencies.js'

const positions = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
const factor = z.number().positive()
const theta = z.number().gt(1)

const schemas = {
  default: z.object({}),
  linear: z.object({ factor }),
  dynamic: z.object({ factor }),
  yarn: z.object({
    factor: factor.nullish(),
    original_max_position_embeddings: positions.nullish(),
    attention_factor: factor.nullish(),
    beta_fast: factor.nullish(),
    beta_slow: factor.nullish(),
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    truncate: z.boolean().optional(),
  }),
  llama3: z.object({
    factor,
    low_freq_factor: factor,
    high_freq_factor: factor,
    original_max_position_embeddings: positions.nullish(),
  }),
}

/** What the rotary settings default to or are derived from. */
export interface RopeDefaults {
  readonly theta: number
  readonly maxPositions: number
  readonly headDim: number
}

/**
 * Reads the rotary settings of a config.json in the old style (`rope_theta` beside `rope_scaling`) or the new one
 * (`rope_parameters`). Where both are present `rope_scaling` counts, as in transformers. Throws an UnsupportedError
 * for another rope type, settings per layer type or a partial rotation.
 */
export function parseRopeConfig(json: Record<string, unknown>, defaults: RopeDefaults, file: string): RopeConfig {
  const parameters = ropeParameters(json, file)
  const type = parameters.rope_type ?? parameters.type ?? 'default'
  if (typeof type !== 'string' || !Object.hasOwn(schemas, type)) {
    const supported = Object.keys(schemas).join(', ')
    throw new UnsupportedError(`${file}: the rope type ${quote(type)} is not supported; supported are ${supported}`)
  }
  refusePartialRotation(parameters.partial_rotary_factor ?? json.partial_rotary_factor ?? 1, file)
  const fields = { rope_theta: parameters.rope_theta ?? json.rope_theta ?? defaults.theta }
  const base = parseJsonFields(z.object({ rope_theta: theta }), fields, file).rope_theta
  switch (type as RopeConfig['type']) {
    case 'default':
      return { type: 'default', theta: base }
    case 'linear':
      return { type: 'linear', theta: base, factor: parseJsonFields(schemas.linear, parameters, file).factor }
    case 'dynamic':
      return parseDynamic(parameters, base, defaults, file)
    case 'yarn':
      return parseYarn(withOriginalLength(json, parameters), base, defaults.maxPositions, file)
    case 'llama3':
      return parseLlama3(withOriginalLength(json, parameters), base, defaults.maxPositions, file)
  }
}

function ropeParameters(json: Record<string, unknown>, file: string): Record<string, unknown> {
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const value = json[key] ?? {}
    if (!isJsonObject(value)) throw new FileFormatError(file, `${key} must be an object or null, got ${quote(value)}`)
    const nested = Object.keys(value).filter((name) => isJsonObject(value[name]))
    if (nested.length > 0) {
      throw new UnsupportedError(
        `${file}: ${key} holds settings per layer type (${nested.slice(0, 5).join(', ')}); ` +
          'supported is one setting for all layers',
      )
    }
    if (Object.keys(value).length > 0) return value
  }
  return {}
}

function refusePartialRotation(partialRotaryFactor: unknown, file: string): void {
  if (partialRotaryFactor === 1) return
  throw new UnsupportedError(
    `${file}: partial_rotary_factor ${quote(partialRotaryFactor)} is not supported; ` +
      'supported is 1 (all dimensions of a head are rotated)',
  )
}

/** A config that gives the original length outside the rotary settings means that one, as in transformers. */
function withOriginalLength(
  json: Record<string, unknown>,
  parameters: Record<string, unknown>,
): Record<string, unknown> {
  const outside = json.original_max_position_embeddings
  return outside === undefined ? parameters : { ...parameters, original_max_position_embeddings: outside }
}

function parseDynamic(
  parameters: Record<string, unknown>,
  theta: number,
  defaults: RopeDefaults,
  file: string,
): RopeConfig {
  const { factor } = parseJsonFields(schemas.dynamic, parameters, file)
  if (defaults.headDim <= 2) {
    throw new UnsupportedError(
      `${file}: the rope type dynamic needs a head_dim of more than 2, got ${defaults.headDim}; ` +
        'use rope type default or linear',
    )
  }
  return { type: 'dynamic', theta, factor, maxPositions: defaults.maxPositions }
}

function parseYarn(parameters: Record<string, unknown>, theta: number, maxPositions: number, file: string): RopeConfig {
  const fields = parseJsonFields(schemas.yarn, parameters, file)
  const original = fields.original_max_position_embeddings
  if (fields.factor == null && original == null) {
    throw new FileFormatError(
      file,
      'factor is missing; rope type yarn needs factor or original_max_position_embeddings',
    )
  }
  const factor = fields.factor ?? maxPositions / original!
  return {
    type: 'yarn',
    theta,
    factor,
    originalMaxPositions: original ?? maxPositions,
    betaFast: fields.beta_fast ?? 32,
    betaSlow: fields.beta_slow ?? 1,
    truncate: fields.truncate ?? true,
    attentionFactor: fields.attention_factor ?? yarnAttentionFactor(factor, fields.mscale, fields.mscale_all_dim),
  }
}

/** 0.1 · ln(factor) + 1, or the quotient of that with mscale and with mscale_all_dim as the slope's factor. */
function yarnAttentionFactor(factor: number, mscale?: number | null, mscaleAllDim?: number | null): number {
  const scaled = (slope: number) => (factor <= 1 ? 1 : 0.1 * slope * Math.log(factor) + 1)
  return mscale && mscaleAllDim ? scaled(mscale) / scaled(mscaleAllDim) : scaled(1)
}

function parseLlama3(
  parameters: Record<string, unknown>,
  theta: number,
  maxPositions: number,
  file: string,
): RopeConfig {
  const fields = parseJsonFields(schemas.llama3, parameters, file)
  if (fields.high_freq_factor <= fields.low_freq_factor) {
    throw new FileFormatError(
      file,
      `high_freq_factor must be more than low_freq_factor, got ${fields.high_freq_factor} and ` +
        `${fields.low_freq_factor}`,
    )
  }
  return {
    type: 'llama3',
    theta,
    factor: fields.factor,
    lowFrequencyFactor: fields.low_freq_factor,
    highFrequencyFactor: fields.high_freq_factor,
    originalMaxPositions: fields.original_max_position_embeddings ?? maxPositions,
  }
}

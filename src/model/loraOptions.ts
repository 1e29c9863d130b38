import { ConfigError, UnsupportedError } from '../errors.js'
import { quote } from '../io/json.js'
import { nearestName, snakeCase } from '../options/names.js'
import { peftOptionNote } from '../options/peftOptions.js'
import type { LoraSettings } from './lora.js'
import { isAllLinear } from './loraTargets.js'
import { projections } from './modelTensors.js'
import type { Projection } from './modelTensors.js'

/** A linear layer that LoRA can adapt: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj. */
export type LoraModule = Projection

/** The module names that an editor proposes, and any other text. */
type ModuleName = LoraModule | (string & Record<never, never>)

/** Options of a new adapter, with PEFT's meaning; names are those of its LoraConfig without `lora_`. */
export interface LoraOptions {
  /** Rank of the update. Defaults to 8. */
  r?: number
  /** The update counts alpha / r times. Defaults to 16. */
  alpha?: number
  /** Whether it counts alpha / √r times (rank-stabilised LoRA, https://arxiv.org/abs/2312.03732). Defaults to false. */
  useRslora?: boolean
  /**
   * Which linear layers are adapted: 'all-linear', all seven; a list of names such as q_proj, or longer last parts of names such as
   * layers.0.self_attn.q_proj; or a regular expression for whole names. Defaults to 'all-linear'.
   */
  targetModules?: 'all-linear' | (string & Record<never, never>) | readonly ModuleName[]
  /** What is left out of them: a list, or a regular expression. Defaults to nothing. */
  excludeModules?: string | readonly ModuleName[] | null
  /** Decoder layers that are adapted, from 0. Not with a regular expression in targetModules. Defaults to null: all. */
  layersToTransform?: number | readonly number[] | null
  /** What stands before the layer's number in names, here always `layers`. Needs layersToTransform. Defaults to null: anything. */
  layersPattern?: string | readonly string[] | null
  /** Rank of some modules, by the end of their names as a regular expression: { down_proj: 4 }. The first that fits counts. Defaults to none. */
  rankPattern?: Readonly<Record<string, number>> | null
  /** Alpha of some modules, in the same way. Defaults to none. */
  alphaPattern?: Readonly<Record<string, number>> | null
  /**
   * Probability, below 1, with which a number that goes into A is left out in the training pass; the others count 1 / (1 − p) times.
   * Sampling and evaluation leave nothing out. Defaults to 0.
   */
  dropout?: number
  /** An integer from 0 to 2^32 − 1, for A. Defaults to 0. */
  seed?: number
}

const known = [
  'r',
  'alpha',
  'useRslora',
  'targetModules',
  'excludeModules',
  'layersToTransform',
  'layersPattern',
  'rankPattern',
  'alphaPattern',
  'dropout',
  'seed',
]

/**
 * Checks the options of a new adapter and fills in the defaults; whether its names are in a model is not known yet.
 * @throws ConfigError for what is unknown, out of range or cannot be together; UnsupportedError for options of PEFT that are not here
 */
export function loraSettings(options: LoraOptions): LoraSettings & { seed: number } {
  // From a YAML file or JavaScript options may be anything.
  const given: Readonly<Record<string, unknown>> = { ...options }
  for (const name of Object.keys(given).filter((key) => !known.includes(key))) {
    const reason = peftOptionNote(snakeCase(name))
    if (reason !== null) throw new UnsupportedError(`${name}: ${reason}`)
    throw new ConfigError(`unknown option ${name} of LoRA; did you mean ${nearestName(name, known)}?`)
  }
  const { r = 8, alpha = 16, useRslora = false, targetModules = 'all-linear', dropout = 0, seed = 0 } = options
  check('r', r, isRank, 'an integer of at least 1')
  check('alpha', alpha, isPositive, 'a number above 0')
  check('useRslora', useRslora, (value) => typeof value === 'boolean', 'true or false')
  check('dropout', dropout, (value) => isNumber(value) && value >= 0 && value < 1, 'a number from 0 to below 1')
  check('seed', seed, (value) => isInteger(value) && value < 2 ** 32, `an integer from 0 to ${2 ** 32 - 1}`)
  const { excludeModules = null, layersToTransform = null, layersPattern = null } = options
  const rankPattern = options.rankPattern ?? {}
  const alphaPattern = options.alphaPattern ?? {}
  check(
    'targetModules',
    targetModules,
    isNameOrNames,
    `'all-linear', a list of ${projections.join(', ')}, or a regular expression`,
  )
  check(
    'excludeModules',
    excludeModules,
    (value) => value === null || isNone(value) || isNameOrNames(value),
    'a list of names or a regular expression',
  )
  const isLayers = (value: unknown): boolean =>
    value === null || isInteger(value) || (isList(value) && value.every(isInteger))
  check('layersToTransform', layersToTransform, isLayers, 'the number of a layer from 0, or a list of them')
  check(
    'layersPattern',
    layersPattern,
    (value) => value === null || isNone(value) || isNameOrNames(value),
    'a text or a list of texts',
  )
  check(
    'rankPattern',
    rankPattern,
    (value) => isRecord(value) && Object.values(value).every(isRank),
    'ranks by name, such as { down_proj: 4 }',
  )
  check(
    'alphaPattern',
    alphaPattern,
    (value) => isRecord(value) && Object.values(value).every(isPositive),
    'alphas by name, such as { down_proj: 8 }',
  )
  if (layersPattern !== null && layersToTransform === null)
    throw new ConfigError('layersPattern needs layersToTransform, as in PEFT')
  if (layersToTransform !== null && typeof targetModules === 'string' && !isAllLinear(targetModules)) {
    throw new ConfigError(
      `layersToTransform needs a list in targetModules, or 'all-linear', got the regular expression ${quote(targetModules)}`,
    )
  }
  return {
    r,
    alpha,
    useRslora,
    dropout,
    seed,
    selection: {
      targetModules,
      excludeModules,
      layersToTransform: layersToTransform === null ? null : [layersToTransform].flat(),
      layersPattern: layersPattern === null ? null : [layersPattern].flat(),
      rankPattern,
      alphaPattern,
    },
  }
}

function check(name: string, value: unknown, isRight: (value: unknown) => boolean, expected: string): void {
  if (!isRight(value)) throw new ConfigError(`${name} must be ${expected}, got ${quote(value)}`)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isPositive(value: unknown): boolean {
  return isNumber(value) && value > 0
}

function isInteger(value: unknown): value is number {
  return isNumber(value) && Number.isSafeInteger(value) && value >= 0
}

function isRank(value: unknown): boolean {
  return isInteger(value) && value >= 1
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isNone(value: unknown): boolean {
  return isList(value) && value.length === 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !isList(value)
}

function isNameOrNames(value: unknown): boolean {
  const isName = (one: unknown): boolean => typeof one === 'string' && one !== ''
  return isName(value) || (isList(value) && value.length > 0 && value.every(isName))
}

import { UnsupportedError, grpoConfigSchema, grpoOptions } from './api.js'
import type { GRPOConfig, LoraOptions } from './api.js'

const known = new Map(grpoOptions().map(({ trlName, name }) => [trlName, name as keyof typeof grpoConfigSchema.shape]))

/** The options of GRPO in a record, by TRL's names; its other fields are not touched. Null is the default where it is no value. */
export function optionsIn(record: object): Record<string, unknown> {
  const names = Object.keys(record).filter((name) => known.has(name))
  const given = names.map((name) => [name, (record as Record<string, unknown>)[name]] as const)
  const takesNull = (name: string): boolean => grpoConfigSchema.shape[known.get(name)!].safeParse(null).success
  return Object.fromEntries(given.filter(([name, value]) => value !== null || takesNull(name)))
}

/** Options by TRL's names with the defaults of the others; not checked for combinations, since references have unusual ones. */
export function uncheckedConfig(options: Readonly<Record<string, unknown>>): GRPOConfig {
  const named = Object.entries(options).map(([name, value]) => [known.get(name), value])
  const config = grpoConfigSchema.parse(Object.fromEntries(named))
  return {
    ...config,
    stepsPerGeneration: config.stepsPerGeneration ?? 1,
    generationBatchSize: config.generationBatchSize ?? 1,
  }
}

/** A setting of a reference that is compared for one value only. Throws an UnsupportedError for another. */
export function expectSetting(name: string, value: unknown, expected: unknown): void {
  if (value === undefined || value === null || JSON.stringify(value) === JSON.stringify(expected)) return
  throw new UnsupportedError(`${name} is ${JSON.stringify(value)}; only ${JSON.stringify(expected)} is compared`)
}

/** PEFT's LoraConfig as a reference file has it. */
export interface LoraReferenceConfig {
  r?: number
  lora_alpha?: number
  use_rslora?: boolean | null
  lora_dropout?: number | null
  target_modules?: string | string[] | null
  exclude_modules?: string | string[] | null
  layers_to_transform?: number | number[] | null
  layers_pattern?: string | string[] | null
  rank_pattern?: Record<string, number> | null
  alpha_pattern?: Record<string, number> | null
  bias?: string | null
  use_dora?: boolean | null
  task_type?: string | null
  peft_type?: string | null
  init_lora_weights?: boolean | string | null
}

/**
 * The adapter of a reference file. Its other fields are not touched. Throws an UnsupportedError for what cannot be compared:
 * what dropout leaves out is drawn at random there.
 */
export function loraOptionsIn(config: LoraReferenceConfig): LoraOptions {
  expectSetting('lora_dropout', config.lora_dropout, 0)
  expectSetting('bias', config.bias, 'none')
  expectSetting('use_dora', config.use_dora, false)
  expectSetting('task_type', config.task_type, 'CAUSAL_LM')
  expectSetting('peft_type', config.peft_type, 'LORA')
  expectSetting('init_lora_weights', config.init_lora_weights, true)
  return {
    // PEFT's defaults.
    r: config.r ?? 8,
    alpha: config.lora_alpha ?? 8,
    useRslora: config.use_rslora ?? false,
    targetModules: config.target_modules ?? 'all-linear',
    excludeModules: config.exclude_modules ?? null,
    layersToTransform: config.layers_to_transform ?? null,
    layersPattern: config.layers_pattern ?? null,
    rankPattern: { ...config.rank_pattern },
    alphaPattern: { ...config.alpha_pattern },
  }
}

import { z } from 'zod'
import { ConfigError, FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import type { ModelConfig } from './config.js'
import { parseJsonFields } from '../io/jsonFields.js'
import { loraTargets } from './lora.js'
import type { LoraAdapter, LoraSettings, LoraTarget } from './lora.js'
import { isAllLinear } from './loraTargets.js'
import { projections } from './modelTensors.js'

const rank = z.int().min(1)
const layer = z.int().min(0)
const names = z.union([z.string(), z.array(z.string())], { error: 'a string or a list of strings' })

const peftConfigSchema = z.object({
  r: rank,
  lora_alpha: z.number(),
  target_modules: names,
  exclude_modules: names.nullish(),
  layers_to_transform: z.union([layer, z.array(layer)], { error: 'a layer number or a list of them' }).nullish(),
  layers_pattern: names.nullish(),
  rank_pattern: z.record(z.string(), rank).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  use_rslora: z.boolean().nullish(),
  lora_dropout: z.number().min(0).lt(1).nullish(),
})

/**
 * Reads PEFT's adapter_config.json: which linear layers of the model it adapts, with which rank and scale. `file` is
 * named in errors. Throws an UnsupportedError with the reason for whatever is not plain LoRA on the seven projections
 * (DoRA, biases, saved modules, embeddings, …) and a FileFormatError for missing or impossible values.
 */
export function parsePeftConfig(
  json: unknown,
  config: ModelConfig,
  file: string,
): { settings: LoraSettings; targets: LoraTarget[] } {
  if (isJsonObject(json)) refuseUnsupported(json, file)
  const fields = parseJsonFields(peftConfigSchema, json, file)
  const { target_modules: targetModules, layers_to_transform: layers, layers_pattern: pattern } = fields
  const layersToTransform = layers == null ? null : [layers].flat()
  if (typeof targetModules === 'string' && !isAllLinear(targetModules) && layersToTransform?.length) {
    throw new FileFormatError(file, 'layers_to_transform needs a list in target_modules, got a regular expression')
  }
  const settings: LoraSettings = {
    r: fields.r,
    alpha: fields.lora_alpha,
    useRslora: fields.use_rslora ?? false,
    dropout: fields.lora_dropout ?? 0,
    selection: {
      targetModules,
      excludeModules: fields.exclude_modules ?? null,
      layersToTransform,
      layersPattern: pattern == null ? null : [pattern].flat(),
      rankPattern: fields.rank_pattern ?? {},
      alphaPattern: fields.alpha_pattern ?? {},
    },
  }
  try {
    return { settings, targets: loraTargets(config, settings) }
  } catch (error) {
    if (error instanceof ConfigError) throw new FileFormatError(file, error.message, { cause: error })
    if (error instanceof UnsupportedError) throw new UnsupportedError(`${file}: ${error.message}`, { cause: error })
    throw error
  }
}

/** Settings that change what the tensors mean, and the only value of each that plain LoRA has besides null. */
const plainSettings: readonly { key: string; plain: unknown; reason: string }[] = [
  { key: 'peft_type', plain: 'LORA', reason: 'another method than LoRA' },
  { key: 'task_type', plain: 'CAUSAL_LM', reason: 'another task than causal language modelling' },
  { key: 'use_dora', plain: false, reason: 'DoRA' },
  { key: 'bias', plain: 'none', reason: 'trained biases' },
  { key: 'lora_bias', plain: false, reason: 'a bias on B' },
  { key: 'modules_to_save', plain: [], reason: 'modules that were trained whole' },
  { key: 'trainable_token_indices', plain: [], reason: 'trained token embeddings' },
  { key: 'target_parameters', plain: [], reason: 'adapters on parameters outside linear layers' },
  { key: 'layer_replication', plain: [], reason: 'replicated layers' },
  { key: 'alora_invocation_tokens', plain: [], reason: 'activated LoRA' },
  { key: 'use_qalora', plain: false, reason: 'QA-LoRA' },
  { key: 'use_bdlora', plain: false, reason: 'block-diagonal LoRA' },
  { key: 'arrow_config', plain: null, reason: 'Arrow routing' },
  { key: 'kasa_config', plain: null, reason: 'KaSA' },
  { key: 'monteclora_config', plain: null, reason: 'Monte Carlo LoRA' },
]

/**
 * Initialisations that take something out of the base model's weights; the adapter alone does not describe the model.
 */
const baseChangingInitialisations = /^(pissa|olora|corda|loftq|lora_ga)/i

function refuseUnsupported(json: Record<string, unknown>, file: string): void {
  for (const { key, plain, reason } of plainSettings) {
    const value = json[key] ?? null
    const isEmptyList = Array.isArray(plain) && Array.isArray(value) && value.length === 0
    if (value === null || value === plain || isEmptyList) continue
    throw new UnsupportedError(
      `${file}: ${reason} (${key} is ${quote(value)}) is not supported; ` +
        `supported is plain LoRA on linear layers (${key} ${quote(plain)})`,
    )
  }
  const initialisation = json.init_lora_weights
  if (typeof initialisation === 'string' && baseChangingInitialisations.test(initialisation)) {
    throw new UnsupportedError(
      `${file}: the adapter belongs to a base model that its initialisation changed (init_lora_weights is ` +
        `${quote(initialisation)}); save it with PEFT's path_initial_model_for_weight_conversion to make it plain LoRA`,
    )
  }
}

/** The model that an adapter belongs to: its folder, or its id on the Hub and the commit. */
export type BaseModelName = string | { readonly id: string; readonly revision: string }

/** The adapter_config.json that PEFT would write for an adapter; keys in alphabetical order. */
export function peftConfigOf({ settings }: LoraAdapter, baseModel: BaseModelName): Record<string, unknown> {
  const { targetModules, excludeModules, layersToTransform, layersPattern } = settings.selection
  const { rankPattern, alphaPattern } = settings.selection
  return {
    alpha_pattern: alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: typeof baseModel === 'string' ? baseModel : baseModel.id,
    bias: 'none',
    exclude_modules: excludeModules,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: layersPattern,
    layers_to_transform: layersToTransform,
    lora_alpha: settings.alpha,
    lora_bias: false,
    lora_dropout: settings.dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: '0.21.2',
    r: settings.r,
    rank_pattern: rankPattern,
    revision: typeof baseModel === 'string' ? null : baseModel.revision,
    // PEFT's 'all-linear' would take linear layers of other parts of the file's model too, and cannot be with layers_to_transform.
    target_modules: isAllLinear(targetModules) ? projections.toSorted() : asPeftSorts(targetModules),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: settings.useRslora,
  }
}

/** PEFT keeps a list as a set, and sorts it where it is saved. */
function asPeftSorts(targetModules: string | readonly string[]): string | string[] {
  return typeof targetModules === 'string' ? targetModules : [...new Set(targetModules)].sort()
}

import vm from 'node:vm'
import { z } from 'zod'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import type { ModelConfig } from './config.js'
import { parseJsonFields } from './jsonFields.js'
import { loraScale } from './lora.js'
import type { LoraAdapter, LoraEntry, LoraModule, LoraSettings } from './lora.js'
import { projectionName, projections } from './modelTensors.js'

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
})

/** A linear layer that an adapter adapts. */
export type LoraTarget = Omit<LoraEntry, 'a' | 'b'>

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
  const settings = { r: fields.r, alpha: fields.lora_alpha, useRslora: fields.use_rslora ?? false }
  const modules = Array.from({ length: config.numLayers }, (_, layer) =>
    projections.map((module) => ({ layer, module, name: projectionName(layer, module) })),
  ).flat()
  const allNames = modules.map(({ name }) => name)
  const targeted = targetedNames(fields, [...allNames, 'lm_head', 'model.embed_tokens'], file)
  const other = ['lm_head', 'model.embed_tokens'].find((name) => targeted.has(name))
  if (other !== undefined) {
    throw new UnsupportedError(
      `${file}: an adapter on ${other} is not supported; supported are ${projections.join(', ')}`,
    )
  }
  if (targeted.size === 0) {
    throw new FileFormatError(
      file,
      `target_modules ${quote(fields.target_modules)} selects none of the model's linear layers (${allNames[0]}, …)`,
    )
  }
  const ranks = patternValues(fields.rank_pattern ?? {}, allNames, file)
  const alphas = patternValues(fields.alpha_pattern ?? {}, allNames, file)
  const targets = modules
    .filter(({ name }) => targeted.has(name))
    .map(({ layer, module, name }) => {
      const r = ranks.get(name) ?? settings.r
      const alpha = alphas.get(name) ?? settings.alpha
      return { layer, module, r, alpha, scale: loraScale({ ...settings, r, alpha }) }
    })
  return { settings, targets }
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

type PeftFields = z.infer<typeof peftConfigSchema>

/** The modules among `moduleNames` that PEFT would adapt (check_target_module_exists in peft 0.21). */
function targetedNames(fields: PeftFields, moduleNames: readonly string[], file: string): Set<string> {
  const { target_modules: target, layers_to_transform: layers } = fields
  const isAllLinear = typeof target === 'string' && target.toLowerCase() === 'all-linear'
  const included = matchingNames(isAllLinear ? projections : target, moduleNames, file)
  const excluded = matchingNames(fields.exclude_modules ?? [], moduleNames, file)
  const matching = [...included].filter((name) => !excluded.has(name))
  if (layers == null || (Array.isArray(layers) && layers.length === 0)) return new Set(matching)
  if (typeof target === 'string') {
    throw new FileFormatError(file, 'layers_to_transform needs a list in target_modules, got a regular expression')
  }
  const patterns = [fields.layers_pattern ?? []].flat()
  if (patterns.length > 0 && !patterns.includes('layers')) {
    throw new FileFormatError(file, `layers_pattern must hold 'layers', the name in this model, got ${quote(patterns)}`)
  }
  const chosen = new Set([layers].flat().map((layer) => `model.layers.${layer}.`))
  return new Set(matching.filter((name) => chosen.has(name.slice(0, name.indexOf('.', 'model.layers.'.length) + 1))))
}

/** A list holds names or their last parts, a string is a regular expression for the whole name. */
function matchingNames(target: string | readonly string[], moduleNames: readonly string[], file: string): Set<string> {
  if (typeof target === 'string') {
    const [matches] = matchPatterns([`^(?:${target})$`], moduleNames, file)
    return new Set(matches)
  }
  return new Set(moduleNames.filter((name) => target.some((part) => name === part || name.endsWith(`.${part}`))))
}

/** The value of the first pattern that fits each name, as PEFT's get_pattern_key finds it. */
function patternValues(
  patterns: Readonly<Record<string, number>>,
  moduleNames: readonly string[],
  file: string,
): Map<string, number> {
  const keys = Object.keys(patterns)
  const matches = matchPatterns(
    keys.map((key) => `^(?:.*\\.)?(?:${key})$`),
    moduleNames,
    file,
  )
  const values = new Map<string, number>()
  keys.forEach((key, i) => {
    for (const name of matches[i]!) if (!values.has(name)) values.set(name, patterns[key]!)
  })
  return values
}

/**
 * For each pattern the names that it matches. The patterns come from a file, so they get a second in all and no more.
 */
function matchPatterns(patterns: readonly string[], moduleNames: readonly string[], file: string): string[][] {
  if (patterns.length === 0) return []
  const script = `patterns.map((pattern) => {
    const regex = new RegExp(pattern, 'u')
    return moduleNames.filter((name) => regex.test(name))
  })`
  try {
    return vm.runInNewContext(script, { patterns, moduleNames }, { timeout: 1000 }) as string[][]
  } catch (cause) {
    throw new UnsupportedError(
      `${file}: a regular expression for module names cannot be used (${quote((cause as Error).message)}); ` +
        'use a list of module names',
      { cause },
    )
  }
}

/** The model that an adapter belongs to: its folder, or its id on the Hub and the commit. */
export type BaseModelName = string | { readonly id: string; readonly revision: string }

/** The adapter_config.json that PEFT would write for an adapter; keys in alphabetical order. */
export function peftConfigOf(adapter: LoraAdapter, baseModel: BaseModelName): Record<string, unknown> {
  const { r, alpha, entries, targetModules } = adapter
  const fullName = ({ layer, module }: { layer: number; module: LoraModule }) => projectionName(layer, module)
  const isEveryLayer = entries.length === targetModules.length * adapter.numLayers
  return {
    alpha_pattern: Object.fromEntries(
      entries
        .filter((entry) => entry.alpha !== alpha)
        .map((entry) => [fullName(entry), entry.alpha] as const)
        .sort(),
    ),
    auto_mapping: null,
    base_model_name_or_path: typeof baseModel === 'string' ? baseModel : baseModel.id,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_bias: false,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: '0.21.2',
    r,
    rank_pattern: Object.fromEntries(
      entries
        .filter((entry) => entry.r !== r)
        .map((entry) => [fullName(entry), entry.r] as const)
        .sort(),
    ),
    revision: typeof baseModel === 'string' ? null : baseModel.revision,
    target_modules: isEveryLayer ? targetModules.toSorted() : entries.map(fullName).sort(),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: adapter.useRslora,
  }
}

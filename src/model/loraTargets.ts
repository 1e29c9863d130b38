import vm from 'node:vm'
import { ConfigError, UnsupportedError } from '../errors.js'
import { quote } from '../io/json.js'
import type { ModelConfig } from './config.js'
import { projectionName, projections } from './modelTensors.js'
import type { Projection } from './modelTensors.js'

/** Which linear layers an adapter adapts, and ranks and alphas of their own, as PEFT's LoraConfig says it. */
export interface LoraSelection {
  /** 'all-linear'; a regular expression for whole names; or a list of names or of their last parts. */
  readonly targetModules: string | readonly string[]
  /** What is left out of them, in the same two ways. */
  readonly excludeModules: string | readonly string[] | null
  /** Numbers of the layers; null or none for all. */
  readonly layersToTransform: readonly number[] | null
  /** Regular expressions for the part of a name before the layer's number; null or none for any. */
  readonly layersPattern: readonly string[] | null
  /** Rank by a regular expression for the end of a name; the first one that fits counts. */
  readonly rankPattern: Readonly<Record<string, number>>
  /** Alpha in the same way. */
  readonly alphaPattern: Readonly<Record<string, number>>
}

/** A linear layer of the model that is adapted. */
export interface SelectedModule {
  readonly layer: number
  readonly module: Projection
  /** Such as model.layers.0.self_attn.q_proj. */
  readonly name: string
  /** Of rankPattern; null where none fits. */
  readonly r: number | null
  /** Of alphaPattern; null where none fits. */
  readonly alpha: number | null
}

/** Characters of a regular expression: longer ones take V8 seconds to compile, which no timeout interrupts. */
const LONGEST_PATTERN = 10_000

/**
 * The linear layers of a model that PEFT 0.21 would adapt, by layer and in the order in which a layer computes them.
 * @throws ConfigError when there is none; UnsupportedError for the token embedding, the output head and regular expressions that
 *   cannot be used
 */
export function selectModules(config: ModelConfig, selection: LoraSelection): SelectedModule[] {
  const modules = Array.from({ length: config.numLayers }, (_, layer) =>
    projections.map((module) => ({ layer, module, name: projectionName(layer, module) })),
  ).flat()
  const names = modules.map(({ name }) => name)
  const targeted = targetedNames(selection, [...names, ...otherModules(config)])
  const known = new Set(names)
  const other = [...targeted].find((name) => !known.has(name))
  if (other !== undefined) {
    throw new UnsupportedError(
      `an adapter on ${other} is not supported (${describe(selection)} selects it); supported are ${projections.join(', ')}`,
    )
  }
  if (targeted.size === 0) {
    throw new ConfigError(`${describe(selection)} selects none of the model's linear layers (${names[0]}, …)`)
  }
  const ranks = patternValues(selection.rankPattern, names)
  const alphas = patternValues(selection.alphaPattern, names)
  return modules
    .filter(({ name }) => targeted.has(name))
    .map((module) => ({ ...module, r: ranks.get(module.name) ?? null, alpha: alphas.get(module.name) ?? null }))
}

/** Entries of a selection that select nothing, which PEFT ignores: misspelt names and patterns, layers that are not there. */
export function idleEntries(config: ModelConfig, selection: LoraSelection): string[] {
  const { targetModules, layersToTransform, rankPattern, alphaPattern } = selection
  const names = selectModules(config, selection).map(({ name }) => name)
  const listed = typeof targetModules === 'string' ? [] : targetModules
  const idle = (pattern: string): boolean => patternValues({ [pattern]: 1 }, names).size === 0
  return [
    ...listed
      .filter((part) => !names.some((name) => hasLastPart(name, part)))
      .map((part) => `targetModules ${quote(part)}`),
    ...(layersToTransform ?? [])
      .filter((layer) => layer >= config.numLayers)
      .map((layer) => `layersToTransform ${layer}`),
    ...Object.keys(rankPattern)
      .filter(idle)
      .map((pattern) => `rankPattern ${quote(pattern)}`),
    ...Object.keys(alphaPattern)
      .filter(idle)
      .map((pattern) => `alphaPattern ${quote(pattern)}`),
  ]
}

/** The modules of the model in transformers that are no linear layers inside a decoder layer. */
function otherModules(config: ModelConfig): string[] {
  const ofLayer = ['', '.self_attn', '.mlp', '.mlp.act_fn', '.input_layernorm', '.post_attention_layernorm']
  const norms = config.queryKeyNorm ? ['.self_attn.q_norm', '.self_attn.k_norm'] : []
  const layers = Array.from({ length: config.numLayers }, (_, layer) =>
    [...ofLayer, ...norms].map((part) => `model.layers.${layer}${part}`),
  )
  return ['model', 'model.embed_tokens', 'model.layers', ...layers.flat(), 'model.norm', 'model.rotary_emb', 'lm_head']
}

function describe({ targetModules, excludeModules, layersToTransform, layersPattern }: LoraSelection): string {
  const others = {
    exclude_modules: excludeModules,
    layers_to_transform: layersToTransform,
    layers_pattern: layersPattern,
  }
  const given = Object.entries(others).filter(([, value]) => value !== null)
  const hint =
    typeof targetModules === 'string' && !isAllLinear(targetModules)
      ? ' (a text is a regular expression for the whole name)'
      : ''
  return [
    `target_modules ${quote(targetModules)}${hint}`,
    ...given.map(([name, value]) => `${name} ${quote(value)}`),
  ].join(', ')
}

/** PEFT's check_target_module_exists. */
function targetedNames(selection: LoraSelection, names: readonly string[]): Set<string> {
  const { targetModules: target } = selection
  const excluded = matchingNames(selection.excludeModules ?? [], names)
  const allowed = names.filter((name) => !excluded.has(name))
  if (typeof target === 'string' && !isAllLinear(target)) return matchingNames(target, allowed)
  const parts = typeof target === 'string' ? projections : target
  const inLayers = namesInLayers(selection, names)
  // As in PEFT, a whole name counts whatever the layers are.
  return new Set(
    allowed.filter((name) => parts.some((part) => name === part || (hasLastPart(name, part) && inLayers.has(name)))),
  )
}

/** 'all-linear', in whatever case. */
export function isAllLinear(target: unknown): boolean {
  return typeof target === 'string' && target.toLowerCase() === 'all-linear'
}

function hasLastPart(name: string, part: string): boolean {
  return name === part || name.endsWith(`.${part}`)
}

function namesInLayers({ layersToTransform, layersPattern }: LoraSelection, names: readonly string[]): Set<string> {
  if (!layersToTransform?.length) return new Set(names)
  const patterns = layersPattern?.length
    ? layersPattern.map((pattern) => `^(?:^|.*?\\.)${pattern}\\.(\\d+)\\.`)
    : ['^.*?\\.[^.]*\\.(\\d+)\\.']
  const numbered = new Set(matchPatterns(patterns, names).flat())
  const chosen = layersToTransform.map((layer) => `model.layers.${layer}.`)
  return new Set(names.filter((name) => numbered.has(name) && chosen.some((start) => name.startsWith(start))))
}

/** A list holds names or their last parts, a string is a regular expression for the whole name. */
function matchingNames(target: string | readonly string[], names: readonly string[]): Set<string> {
  if (typeof target === 'string') return new Set(matchPatterns([`^(?:${target})$`], names)[0])
  return new Set(names.filter((name) => target.some((part) => hasLastPart(name, part))))
}

/** The value of the first pattern that fits each name, as PEFT's get_pattern_key finds it. */
function patternValues(patterns: Readonly<Record<string, number>>, names: readonly string[]): Map<string, number> {
  const keys = Object.keys(patterns)
  const matches = matchPatterns(
    keys.map((key) => `^(.*\\.)?(${key})$`),
    names,
  )
  const values = new Map<string, number>()
  keys.forEach((key, i) => {
    for (const name of matches[i]!) if (!values.has(name)) values.set(name, patterns[key]!)
  })
  return values
}

/** For each pattern the names that it matches. The patterns may come from a file, so they get a second in all and no more. */
function matchPatterns(patterns: readonly string[], names: readonly string[]): string[][] {
  if (patterns.length === 0) return []
  const tooLong = patterns.find((pattern) => pattern.length > LONGEST_PATTERN)
  if (tooLong !== undefined) {
    throw new UnsupportedError(
      `a regular expression for module names has ${tooLong.length} characters, at most ${LONGEST_PATTERN} are supported; ` +
        'use a list of module names',
    )
  }
  const script = `patterns.map((pattern) => {
    const regex = new RegExp(pattern, 'u')
    return names.filter((name) => regex.test(name))
  })`
  try {
    return vm.runInNewContext(script, { patterns, names }, { timeout: 1000 }) as string[][]
  } catch (cause) {
    throw new UnsupportedError(
      `a regular expression for module names cannot be used (${quote((cause as Error).message)}); use a list of module names`,
      { cause },
    )
  }
}

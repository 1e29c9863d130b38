import path from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { didYouMean, snakeCase } from '../options/names.js'
import { option, parseOptions } from '../options/schema.js'
import { importModule, isModuleFile } from '../io/userModule.js'
import { builtInRewards } from './builtInRewards.js'
import { gate } from './combinators.js'
import { commonOptions } from './rewardOptions.js'
import type { RewardFunction } from './reward.js'
import { asRewardFunction, rewardFunction } from './rewardCallback.js'
import type { RewardCallback } from './rewardCallback.js'
import { workerReward } from './workerReward.js'

/** A reward by its name, or by the file of a module, with its options; see {@link loadReward}. */
export type RewardSpec = string | (Readonly<Record<string, unknown>> & { name: string })

/** The names that {@link loadReward} knows. */
export const rewardNames: readonly string[] = [...builtInRewards.keys()]

/** Options of a reward from a file of its own. */
const moduleOptions = z.strictObject({
  weight: commonOptions.weight.unwrap().optional().describe('Factor of this reward in the total. Defaults to its own.'),
  timeout: commonOptions.timeout,
  export: option(z.string(), 'default', 'Name of the function in its module.'),
  worker: option(z.boolean(), false, 'Whether it runs in a thread of its own.'),
  as: z.string().min(1).optional().describe('Its name in the metrics. Defaults to its own, or that of the file.'),
  judges: z
    .literal('correctness')
    .optional()
    .describe('That it pays for right answers and nothing else. Defaults to what it says itself.'),
})

/** Values for options that were not given, for the rewards that take them: those of the run. */
type RewardDefaults = Readonly<{ maxCompletionLength?: number; seed?: number }>

/**
 * Loads a reward: `correctness`, with a weight `format:0.2`, with options `format:0.2?style=think`; as an object, as in YAML,
 * `{ name: 'format', weight: 0.2, style: 'think' }`. Every reward takes `weight` and `timeout` (milliseconds), and
 * `when`, another reward without which it does not count: `format:0.2?when=correctness` pays for the form of right answers.
 *
 * A name that ends with `.js` or `.ts` (or `.mjs`, `.cts`, …) is the file of a module whose default export (option `export`: another
 * one) is a plain function of a completion, or a reward as the functions of `rewards` return it. With the option
 * `worker: true` the plain function runs in a thread of its own. `as` is its name in the metrics, and `judges: correctness` says that
 * it pays for right answers and nothing else.
 *
 * Throws a ConfigError for an unknown name or option and for a module that cannot be loaded.
 */
export async function loadReward(
  spec: RewardSpec,
  /** Values for options that were not given, for the rewards that take them. */
  defaults: RewardDefaults = {},
): Promise<RewardFunction> {
  const { name, when, ...options } = parseRewardSpec(spec)
  if (when !== undefined) {
    const reward = await loadReward({ ...options, name }, defaults)
    return gate(reward, { when: await loadReward(when as RewardSpec, defaults) })
  }
  return isModuleFile(name) ? loadRewardModule(name, options) : makeReward(name, options, defaults)
}

/** Loads several rewards. Throws a ConfigError also when two have the same name, for metrics could not tell them apart. */
export async function loadRewards(
  specs: readonly RewardSpec[],
  defaults: RewardDefaults = {},
): Promise<RewardFunction[]> {
  const rewards = await Promise.all(specs.map((spec) => loadReward(spec, defaults)))
  const names = rewards.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice === undefined) return rewards
  throw new ConfigError(`the reward ${twice} is there twice (${names.join(', ')}); expected each reward function once`)
}

/** Throws a ConfigError for what {@link loadReward} would refuse, without importing a module. */
export function checkReward(spec: RewardSpec, defaults: RewardDefaults = {}): void {
  const { name, when, ...options } = parseRewardSpec(spec)
  if (when !== undefined) checkReward(when as RewardSpec, defaults)
  if (isModuleFile(name)) parseOptions(`the reward ${name}`, moduleOptions, options)
  else makeReward(name, options, defaults)
}

function makeReward(
  name: string,
  options: Readonly<Record<string, unknown>>,
  defaults: RewardDefaults,
): RewardFunction {
  const builtIn = builtInRewards.get(name)
  if (!builtIn) {
    throw new ConfigError(
      `unknown reward '${name}'${didYouMean(name, rewardNames)}; known rewards: ${rewardNames.join(', ')}, or the file of a module such as ./my-reward.mjs`,
    )
  }
  // A default beside the same option by its snake_case name would be a second value for it.
  const usable = Object.entries(defaults).filter(
    ([option]) => option in builtIn.options && !(snakeCase(option) in options),
  )
  // It checks them itself.
  return builtIn.make({ ...Object.fromEntries(usable), ...options } as never)
}

/** The same reward with other files for those of modules, that of its `when` included. Throws a ConfigError for what is no reward. */
export function withModuleFiles(spec: RewardSpec, fileOf: (file: string) => string): RewardSpec {
  const { name, when } = parseRewardSpec(spec)
  const renamed = isModuleFile(name) ? fileOf(name) : name
  if (typeof spec === 'string' && when === undefined) return renamed + spec.slice(name.length)
  const condition = when === undefined ? {} : { when: withModuleFiles(when as RewardSpec, fileOf) }
  return { ...parseRewardSpec(spec), ...condition, name: renamed }
}

/** The name of a reward and its options. Throws a ConfigError for a text or a value that is none. */
function parseRewardSpec(spec: RewardSpec): Record<string, unknown> & { name: string } {
  // From YAML it may be anything.
  const given: unknown = spec
  if (isJsonObject(given) && typeof given.name === 'string') return { ...given, name: given.name }
  if (typeof given !== 'string' || given === '') {
    throw new ConfigError(`a reward is ${quote(given)}; expected a name such as format:0.2, or { name, weight, … }`)
  }
  const [head = '', query] = given.split(/\?(.*)/s)
  const pairs = [...new URLSearchParams(query ?? '')].map(([key, value]) => [key, parseValue(value)] as const)
  const twice = pairs.find(([key], i) => pairs.findIndex(([other]) => other === key) < i)
  if (twice) throw new ConfigError(`the reward '${given}' has ${twice[0]} twice; expected it once`)
  const options: Record<string, unknown> = Object.fromEntries(pairs)
  const [, name = head, weight] = /^(.+):([^:\\/]*)$/s.exec(head) ?? []
  if (weight === undefined) return { ...options, name }
  const value = weight.trim() === '' ? NaN : Number(weight)
  if (!Number.isFinite(value)) {
    throw new ConfigError(`the weight in the reward '${given}' is '${weight}'; expected a number, as in format:0.2`)
  }
  return { ...options, name, weight: value }
}

async function loadRewardModule(file: string, options: Readonly<Record<string, unknown>>): Promise<RewardFunction> {
  const parsed = parseOptions(`the reward ${file}`, moduleOptions, options)
  const { export: exportName, worker, as, weight, timeout, judges } = parsed
  const common = {
    ...(judges !== undefined && { judges }),
    ...(weight !== undefined && { weight }),
    ...(timeout !== undefined && { timeout }),
  }
  const given = (await importModule(file))[exportName]
  const name = as ?? path.parse(file).name
  if (typeof given === 'function') {
    if (worker) return workerReward(file, { ...common, name, exportName: exportName })
    return rewardFunction(given as RewardCallback, { ...common, name })
  }
  if (worker) throw new ConfigError(`${file}: only a plain function can run in a thread of its own`)
  if (!isJsonObject(given)) {
    throw new ConfigError(
      `${file} exports ${quote(given)} as ${exportName}; expected a function of a completion, ` +
        '({ prompt, completion, answer, ids, meta }) => number | null, or an object with name, weight and score(input)',
    )
  }
  const reward = asRewardFunction(given as unknown as RewardFunction)
  return asRewardFunction({ ...reward, ...common, ...(as !== undefined && { name: as }) })
}

/** Numbers, true, false and null as such, anything else as text. */
function parseValue(text: string): unknown {
  if (text.trim() !== '' && !Number.isNaN(Number(text))) return Number(text)
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

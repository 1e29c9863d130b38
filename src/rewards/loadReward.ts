import path from 'node:path'
import { ConfigError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { didYouMean } from '../options/names.js'
import { importModule, isModuleFile } from '../io/userModule.js'
import { gate } from './combinators.js'
import { correctness } from './correctness.js'
import { format } from './format.js'
import { random } from './random.js'
import { clarity, languageConsistency } from './process/clarity.js'
import { efficiency } from './process/efficiency.js'
import { partialCredit } from './process/partialCredit.js'
import { reasoningSteps } from './process/reasoningSteps.js'
import { selfCorrection } from './process/selfCorrection.js'
import { stepArithmetic } from './process/stepArithmetic.js'
import { rewardJudges } from './reward.js'
import type { RewardFunction } from './reward.js'
import { asRewardFunction, rewardFunction } from './rewardCallback.js'
import type { RewardCallback } from './rewardCallback.js'
import { cosineScaled } from './shaping/cosineScaled.js'
import { repetitionPenalty } from './shaping/repetitionPenalty.js'
import { thinkFormat } from './shaping/thinkFormat.js'
import { softOverlong } from './softOverlong.js'
import { workerReward } from './workerReward.js'

/** A reward by its name, or by the file of a module, with its options; see {@link loadReward}. */
export type RewardSpec = string | (Readonly<Record<string, unknown>> & { name: string })

interface RewardEntry {
  /** The options besides weight and timeout. */
  readonly optionNames: readonly string[]
  /** The options come from a file or a flag: the function checks their values. */
  make(options: Readonly<Record<string, unknown>>): RewardFunction
}

/** The rewards by their names. */
const entries = new Map<string, RewardEntry>([
  ['correctness', { optionNames: ['lenient'], make: correctness }],
  ['format', { optionNames: ['style', 'reasoningTag', 'answerTag'], make: format }],
  ['think_format', { optionNames: [], make: thinkFormat }],
  [
    'partial_credit',
    { optionNames: ['lenientCredit', 'stepCredit', 'methodCredit', 'requireAllSteps'], make: partialCredit },
  ],
  ['reasoning_steps', { optionNames: ['targetSteps'], make: reasoningSteps }],
  ['step_arithmetic', { optionNames: ['penalty'], make: stepArithmetic }],
  ['self_correction', { optionNames: [], make: selfCorrection }],
  ['efficiency', { optionNames: ['neededLength', 'slack'], make: efficiency }],
  ['clarity', { optionNames: [], make: clarity }],
  ['language_consistency', { optionNames: ['script'], make: languageConsistency }],
  ['repetition_penalty', { optionNames: ['ngramSize', 'maxPenalty'], make: repetitionPenalty }],
  [
    'cosine_scaled',
    {
      optionNames: [
        'maxCompletionLength',
        'minValueWrong',
        'maxValueWrong',
        'minValueCorrect',
        'maxValueCorrect',
        'lenient',
      ],
      make: cosineScaled,
    },
  ],
  ['random', { optionNames: ['rate', 'seed'], make: (options) => random({ rate: 0.5, ...options }) }],
  ['soft_overlong', { optionNames: ['maxCompletionLength', 'softPunishCache'], make: softOverlong }],
])

/** The names that {@link loadReward} knows. */
export const rewardNames: readonly string[] = [...entries.keys()]

/** Options of a reward from a file of its own. */
const moduleOptions = ['export', 'worker', 'as', 'judges'] as const

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
  defaults: Readonly<{ maxCompletionLength?: number }> = {},
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
  defaults: Readonly<{ maxCompletionLength?: number }> = {},
): Promise<RewardFunction[]> {
  const rewards = await Promise.all(specs.map((spec) => loadReward(spec, defaults)))
  const names = rewards.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice === undefined) return rewards
  throw new ConfigError(`the reward ${twice} is there twice (${names.join(', ')}); expected each reward function once`)
}

/** Throws a ConfigError for what {@link loadReward} would refuse, without importing a module. */
export function checkReward(spec: RewardSpec, defaults: Readonly<{ maxCompletionLength?: number }> = {}): void {
  const { name, when, ...options } = parseRewardSpec(spec)
  if (when !== undefined) checkReward(when as RewardSpec, defaults)
  if (isModuleFile(name)) checkOptionNames(name, options, moduleOptions)
  else makeReward(name, options, defaults)
}

function makeReward(
  name: string,
  options: Readonly<Record<string, unknown>>,
  defaults: Readonly<{ maxCompletionLength?: number }>,
): RewardFunction {
  const entry = entries.get(name)
  if (!entry) {
    throw new ConfigError(
      `unknown reward '${name}'${didYouMean(name, rewardNames)}; known rewards: ${rewardNames.join(', ')}, or the file of a module such as ./my-reward.mjs`,
    )
  }
  checkOptionNames(name, options, entry.optionNames)
  const { weight, timeout, ...rest } = options
  const usable = Object.entries(defaults).filter(([option]) => entry.optionNames.includes(option))
  const reward = entry.make({ ...Object.fromEntries(usable), ...rest, ...(weight !== undefined && { weight }) })
  return asRewardFunction({ ...reward, ...(timeout !== undefined && { timeout: timeout as number }) })
}

/** The name of a reward and its options, by their camelCase names. Throws a ConfigError for a text or a value that is none. */
export function parseRewardSpec(spec: RewardSpec): Record<string, unknown> & { name: string } {
  // From YAML it may be anything.
  const given: unknown = spec
  if (isJsonObject(given) && typeof given.name === 'string') return { ...camelCaseKeys(given), name: given.name }
  if (typeof given !== 'string' || given === '') {
    throw new ConfigError(`a reward is ${quote(given)}; expected a name such as format:0.2, or { name, weight, … }`)
  }
  const [head = '', query] = given.split(/\?(.*)/s)
  const options = camelCaseKeys(
    Object.fromEntries([...new URLSearchParams(query ?? '')].map(([key, value]) => [key, parseValue(value)])),
  )
  const [, name = head, weight] = /^(.+):([^:\\/]*)$/s.exec(head) ?? []
  if (weight === undefined) return { ...options, name }
  const value = weight.trim() === '' ? NaN : Number(weight)
  if (!Number.isFinite(value)) {
    throw new ConfigError(`the weight in the reward '${given}' is '${weight}'; expected a number, as in format:0.2`)
  }
  return { ...options, name, weight: value }
}

async function loadRewardModule(file: string, options: Readonly<Record<string, unknown>>): Promise<RewardFunction> {
  checkOptionNames(file, options, moduleOptions)
  const { export: exportName = 'default', worker = false, as, weight, timeout, judges } = options
  const common = {
    ...rewardJudges(file, { judges } as Pick<RewardFunction, 'judges'>),
    ...(weight !== undefined && { weight: weight as number }),
    ...(timeout !== undefined && { timeout: timeout as number }),
  }
  const given = (await importModule(file))[String(exportName)]
  const name = typeof as === 'string' ? as : path.parse(file).name
  if (typeof given === 'function') {
    if (worker === true) return workerReward(file, { ...common, name, exportName: String(exportName) })
    return rewardFunction(given as RewardCallback, { ...common, name })
  }
  if (worker === true) throw new ConfigError(`${file}: only a plain function can run in a thread of its own`)
  if (!isJsonObject(given)) {
    throw new ConfigError(
      `${file} exports ${quote(given)} as ${String(exportName)}; expected a function of a completion, ` +
        '({ prompt, completion, answer, ids, meta }) => number | null, or an object with name, weight and score(input)',
    )
  }
  const reward = asRewardFunction(given as unknown as RewardFunction)
  return asRewardFunction({ ...reward, ...common, ...(typeof as === 'string' && { name: as }) })
}

function checkOptionNames(reward: string, options: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const all = ['weight', 'timeout', ...known]
  const unknown = Object.keys(options).find((option) => !all.includes(option))
  if (unknown !== undefined) {
    throw new ConfigError(`the reward ${reward} takes no option '${unknown}'; it takes: ${all.join(', ')}`)
  }
}

/** Numbers, true, false and null as such, anything else as text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** YAML spells options `soft_punish_cache`. */
function camelCaseKeys(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [camelCase(key), value]))
}

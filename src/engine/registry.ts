import { EngineError, ConfigError } from '../errors.js'
import { startCpuEngine, startReferenceEngine } from './cpu/cpuEngine.js'
import { quote } from '../io/json.js'
import { deviceKinds } from '../xla/devices.js'
import { startXlaEngine } from './xla/xlaEngine.js'
import { precisions } from './engine.js'
import type { Engine, EngineOptions } from './engine.js'
import { startTensorflowEngine } from './tensorflow/tensorflowEngine.js'

/** An engine that can be asked for by its name. */
export interface EngineEntry {
  /** Its name, as `--engine` takes it. */
  readonly name: string
  /** What it is, for help texts. */
  readonly summary: string
  /** The options that it takes. */
  readonly options: readonly (keyof EngineOptions)[]
  /**
   * Starts it, or throws an EngineError that says why it cannot run here. Where it was not asked for by its name, that may also be
   * because an engine behind it is the better one here.
   */
  readonly start: (options: EngineOptions, isAutomatic: boolean) => Promise<Engine>
}

/** All engines, in the order in which `auto` tries them, of which `reference` works everywhere: flags, checks, doctor and errors derive from this list. */
export const engines = [
  {
    name: 'xla',
    summary: 'compiled by XLA, for GPUs (grpo-ts setup xla)',
    options: ['device', 'precision'],
    start: startXlaEngine,
  },
  { name: 'cpu', summary: 'our own threaded WebAssembly engine', options: ['threads'], start: startCpuEngine },
  {
    name: 'reference',
    summary: 'plain JavaScript, slow and simple, to compare with',
    options: [],
    start: startReferenceEngine,
  },
  {
    name: 'tensorflow',
    summary: 'the library of TensorFlow, by way of @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node',
    options: ['device', 'precision'],
    start: startTensorflowEngine,
  },
] as const satisfies readonly EngineEntry[]

/** The name of an engine. */
export type EngineName = (typeof engines)[number]['name']

/** What `--engine` takes. */
export const engineChoices: readonly ['auto', ...EngineName[]] = ['auto', ...engines.map(({ name }) => name)]

/** The engine that models are loaded on, and why it was taken. */
export interface SelectedEngine {
  /** Its name. */
  readonly name: string
  /** The engine itself. */
  readonly engine: Engine
  /** In a sentence. */
  readonly why: string
}

let selected: SelectedEngine | null = null

/**
 * Selects what computes, for the models that are loaded from now on. `auto` takes the first engine that works here and does not
 * leave it to a better one; options that this one has no use for are then passed over.
 * @throws EngineError when the wanted engine cannot run here, ConfigError for an unknown name, options with unknown values, and
 *   those that the engine does not take
 */
export async function selectEngine(
  name: EngineName | 'auto' = 'auto',
  options: EngineOptions = {},
): Promise<SelectedEngine> {
  checkChoice('device', options.device, ['auto', ...deviceKinds])
  checkChoice('precision', options.precision, ['auto', ...precisions])
  selected = name === 'auto' ? await startFirst(engines, options) : await startByName(engines, name, options)
  return selected
}

/** The selected engine; selects `auto` when nothing was selected yet. */
export async function currentEngine(): Promise<Engine> {
  return (selected ?? (await selectEngine())).engine
}

/** @throws ConfigError when there is no engine of that name, or it does not take an option that was given; EngineError when it does not start */
export async function startByName(
  entries: readonly EngineEntry[],
  name: string,
  options: EngineOptions,
): Promise<SelectedEngine> {
  const entry = entries.find((known) => known.name === name)
  if (!entry) throw new ConfigError(`engine is '${name}'; expected ${engineChoices.join(', ')}`)
  const { threads = null, device = 'auto', precision = 'auto' } = options
  const given = {
    ...(threads !== null && { threads }),
    ...(device !== 'auto' && { device }),
    ...(precision !== 'auto' && { precision }),
  }
  const takes = (engine: EngineEntry, option: string): boolean => engine.options.some((taken) => taken === option)
  for (const [option, value] of Object.entries(given)) {
    if (takes(entry, option)) continue
    const others = entries.filter((other) => takes(other, option)).map((other) => other.name)
    const advice = others.length === 0 ? '' : `, or take the engine ${others.join(' or ')}`
    throw new ConfigError(
      `${option} is ${quote(value)}, which the engine ${name} has no use for; leave it out${advice}`,
    )
  }
  const engine = await entry.start(options, false)
  return { name, engine, why: engine.info.description }
}

/** The first engine that starts, and why not those before it. Throws an EngineError when none does. */
export async function startFirst(entries: readonly EngineEntry[], options: EngineOptions): Promise<SelectedEngine> {
  const passedOver: string[] = []
  for (const { name, start } of entries) {
    try {
      const engine = await start(options, true)
      const since = passedOver.length === 0 ? 'the fastest engine that works here' : `since ${passedOver.join('; ')}`
      return { name, engine, why: `${since}: ${engine.info.description}` }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      passedOver.push(`the engine ${name} is passed over (${error.message})`)
    }
  }
  throw new EngineError(`no engine works here: ${passedOver.join('; ')}`)
}

function checkChoice(name: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return
  throw new ConfigError(`${name} is ${quote(value)}; expected one of ${choices.join(', ')}`)
}

import { EngineError, ConfigError } from '../errors.js'
import { startCpuEngine, startReferenceEngine } from './cpu/cpuEngine.js'
import type { Engine, EngineOptions } from './engine.js'

/** An engine that can be asked for by its name. */
export interface EngineEntry {
  /** Its name, as `--engine` takes it. */
  readonly name: string
  /** What it is, for help texts. */
  readonly summary: string
  /** Starts it, or throws an EngineError that says why it cannot run here. */
  readonly start: (options: EngineOptions) => Promise<Engine>
}

/** All engines, in the order in which `auto` tries them: flags, checks, doctor and errors derive from this list. */
export const engines = [
  { name: 'cpu', summary: 'our own threaded WebAssembly engine', start: startCpuEngine },
  { name: 'reference', summary: 'plain JavaScript, slow and simple, to compare with', start: startReferenceEngine },
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
 * Selects what computes, for the models that are loaded from now on. `auto` takes the first engine that works here.
 * @throws EngineError when the wanted engine cannot run here, ConfigError for an unknown name or number of threads
 */
export async function selectEngine(
  name: EngineName | 'auto' = 'auto',
  options: EngineOptions = {},
): Promise<SelectedEngine> {
  selected = name === 'auto' ? await firstThatWorks(options) : await start(entryOf(name), options)
  return selected
}

/** The selected engine; selects `auto` when nothing was selected yet. */
export async function currentEngine(): Promise<Engine> {
  return (selected ?? (await selectEngine())).engine
}

async function start(entry: EngineEntry, options: EngineOptions): Promise<SelectedEngine> {
  const engine = await entry.start(options)
  return { name: entry.name, engine, why: engine.info.description }
}

async function firstThatWorks(options: EngineOptions): Promise<SelectedEngine> {
  const failures: string[] = []
  for (const entry of engines) {
    try {
      const { name, engine, why } = await start(entry, options)
      const since = failures.length === 0 ? 'the fastest engine that works here' : `since ${failures.join('; ')}`
      return { name, engine, why: `${since}: ${why}` }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      failures.push(`the engine ${entry.name} failed (${error.message})`)
    }
  }
  throw new EngineError(`no engine works here: ${failures.join('; ')}`)
}

function entryOf(name: string): EngineEntry {
  const entry = engines.find((known) => known.name === name)
  if (entry) return entry
  throw new ConfigError(`engine is '${name}'; expected ${engineChoices.join(', ')}`)
}

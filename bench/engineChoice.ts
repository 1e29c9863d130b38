import type { EngineOptions } from '../src/engine/engine.js'
import type { EngineName } from '../src/engine/registry.js'

/** How an engine is asked for. */
export interface EngineChoice extends EngineOptions {
  readonly engine: EngineName | 'auto'
}

/** The flags by which programs take an engine. */
export function engineFlags({ engine, threads, device, precision }: EngineChoice): string[] {
  const given = { engine, threads, device, precision }
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined || value === null || value === 'auto' ? [] : [`--${name}`, String(value)],
  )
}

import type { Engine, Precision } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { xlaEngine } from '../../../src/engine/xla/xlaEngine.js'
import { EngineError } from '../../../src/errors.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { openPjrt } from '../../../src/xla/runtime/pjrt.js'
import type { Runner } from '../../../src/xla/runtime/runner.js'
import { architectureSizes } from '../../fixtures/architectures.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { requirePlugin } from '../../xla/plugin.js'

/** Tokens of the tiny models: more than one block of the cumulative distribution, and no multiple of it. */
export const VOCABULARY = 301

/** Something on the cpu engine, and the same on the engine xla. */
export interface Pair<T> {
  readonly cpu: T
  readonly xla: T
}

let opened: Promise<Runner> | null = null

/** The engine xla on the tests' plugin. Skips the running test with a line that says why where it cannot run. */
export async function requireXla(test: Mocha.Context, precision: Precision = 'float32'): Promise<Engine> {
  return xlaEngine(await requireXlaRunner(test), { precision })
}

/** What that engine computes with. */
export async function requireXlaRunner(test: Mocha.Context): Promise<Runner> {
  const file = requirePlugin(test)
  try {
    // Compiled in half the time, and no less exact.
    return await (opened ??= openPjrt({ file, flags: { xla_backend_optimization_level: 0 } }))
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    console.log(`      skipped: ${error.message}`)
    test.skip()
  }
}

/** A tiny model, with changes to its config.json, on both engines; its head dimension is not hidden size / heads. */
export function loadTiny(
  xla: Engine,
  changes: Record<string, unknown> = {},
  tokenizer = false,
): Promise<Pair<CausalLM>> {
  const sizes = { vocab_size: VOCABULARY, max_position_embeddings: 256, rope_theta: 100, ...architectureSizes }
  return loadFolder(xla, temporaryTinyModel({ ...sizes, ...changes }, { tokenizer }))
}

/** A folder's model on both engines. */
export async function loadFolder(xla: Engine, folder: string): Promise<Pair<CausalLM>> {
  const { engine } = await selectEngine('cpu')
  return { cpu: await loadModel(folder, { engine }), xla: await loadModel(folder, { engine: xla }) }
}

/** Does something of both engines, one after the other. */
export async function both<T, R>({ cpu, xla }: Pair<T>, use: (one: T) => R | Promise<R>): Promise<Pair<R>> {
  return { cpu: await use(cpu), xla: await use(xla) }
}

/** Frees both. */
export function disposePair({ cpu, xla }: Pair<CausalLM>): void {
  cpu.dispose()
  xla.dispose()
}

import { z } from 'zod'
import type { EngineOptions } from '../../engine/engine.js'
import { engineOptions } from '../../engine/engineOptions.js'
import { selectEngine } from '../../engine/registry.js'
import type { EngineName } from '../../engine/registry.js'
import { resolveModel } from '../../hub/resolve.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { dtypeOption } from '../../model/weights/dtypeOption.js'
import { weightDtypes } from '../../model/weights/weightDtype.js'
import type { WeightDtype } from '../../model/weights/weightDtype.js'
import { leftOpen } from '../../options/schema.js'
import { runOfAdapter } from '../../run/adapterRun.js'
import { showCompiling } from './compileProgress.js'
import { withDownloadProgress } from './downloadProgress.js'
import { loadWithProgress } from './loadProgress.js'

/** A text that is not empty: the name of a file, a folder or an id. */
export const nameOption = z.string().min(1)

/** The options of the verbs that use a trained model. */
export const modelOptions = {
  model: nameOption.describe("Folder of the model in Hugging Face's layout, a GGUF file, or its Hub id."),
  adapter: nameOption.optional().describe("LoRA adapter in PEFT's layout, or its Hub id. Defaults to none."),
  ...leftOpen({ dtype: dtypeOption }, 'that of the run that made the adapter'),
  ...engineOptions,
}

/** The model that a verb uses. */
export interface ModelChoice extends EngineOptions {
  readonly model: string
  readonly adapter?: string | null | undefined
  /** Folder of all weights, where a run has trained those of the model instead of an adapter. */
  readonly weights?: string | null
  /** Defaults to that of the run that made the adapter, where its config.yaml is there, else to `auto`. */
  readonly dtype?: WeightDtype | undefined
  readonly engine: EngineName | 'auto'
  readonly signal?: AbortSignal
}

/** Runs `body` with the model that the options name and frees it afterwards. Throws the reason of the signal. */
export async function withModel<T>(options: ModelChoice, body: (model: CausalLM) => Promise<T>): Promise<T> {
  const signal = options.signal ?? new AbortController().signal
  const { engine, why } = await selectEngine(options.engine, { ...options, onCompile: showCompiling(process.stderr) })
  const { device = 'auto' } = options
  // `auto` passes over an option that its engine has no use for: somebody who names a card would wait for one.
  if (device !== 'auto' && device !== 'cpu' && engine.info.device === 'cpu') {
    process.stderr.write(`warning: device ${device} is not used: ${why}; to end instead: --engine xla\n`)
  }
  const { model, adapter } = await withDownloadProgress(process.stderr, async (onProgress) => ({
    adapter: options.adapter == null ? null : await resolveModel(options.adapter, { onProgress, signal }),
    model: await resolveModel(options.model, { onProgress, signal }),
  }))
  const dtype = options.dtype ?? dtypeOfRun(adapter?.folder ?? null)
  const base = await loadWithProgress(process.stderr, model.folder, { dtype })
  try {
    signal.throwIfAborted()
    const { weights = null } = options
    if (adapter === null && weights === null) return await body(base)
    const trained = weights === null ? base.withAdapter(adapter!.folder) : base.withWeights(weights)
    try {
      return await body(trained)
    } finally {
      trained.dispose()
    }
  } finally {
    base.dispose()
  }
}

/** The dtype that an adapter was trained with, where the run that made it says so; `auto` elsewhere. */
function dtypeOfRun(adapter: string | null): WeightDtype {
  const recorded = adapter === null ? null : runOfAdapter(adapter)?.dtype
  return weightDtypes.find((dtype) => dtype === recorded) ?? 'auto'
}

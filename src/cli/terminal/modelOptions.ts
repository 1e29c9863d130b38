import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { engineChoices, selectEngine } from '../../engine/registry.js'
import type { EngineName } from '../../engine/registry.js'
import { resolveModel } from '../../hub/resolve.js'
import { loadModel } from '../../policy/loadModel.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { withDownloadProgress } from './downloadProgress.js'

/** The options of the verbs that use a trained model. */
export interface ModelOptions {
  model: string
  adapter?: string
  engine: EngineName | 'auto'
  threads?: number
}

export function addModelOptions(command: Command): Command {
  return command
    .requiredOption('--model <folder>', "model in Hugging Face's layout, or its Hub id")
    .option('--adapter <folder>', "LoRA adapter in PEFT's layout, or its Hub id")
    .addOption(new Option('--engine <name>', 'what computes').choices([...engineChoices]).default('auto'))
    .option('--threads <N>', 'threads of the cpu engine (default: the number of cores)', parseThreads)
}

/** Runs `body` with the model that the options name and frees it afterwards. Throws the reason of the signal. */
export async function withModel<T>(
  options: ModelOptions & { signal?: AbortSignal },
  body: (model: CausalLM) => Promise<T>,
): Promise<T> {
  const signal = options.signal ?? new AbortController().signal
  await selectEngine(options.engine, options.threads === undefined ? {} : { threads: options.threads })
  const { model, adapter } = await withDownloadProgress(process.stderr, async (onProgress) => ({
    adapter: options.adapter === undefined ? null : await resolveModel(options.adapter, { onProgress, signal }),
    model: await resolveModel(options.model, { onProgress, signal }),
  }))
  const base = await loadModel(model.folder)
  try {
    signal.throwIfAborted()
    if (adapter === null) return await body(base)
    const adapted = base.withAdapter(adapter.folder)
    try {
      return await body(adapted)
    } finally {
      adapted.dispose()
    }
  } finally {
    base.dispose()
  }
}

/** Parses a number of a flag; whether it is in range is for the function that gets it. */
export function parseNumber(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (Number.isNaN(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** Parses the number of threads of a flag. */
export function parseThreads(text: string): number {
  const value = parseNumber(text)
  if (Number.isInteger(value) && value >= 1 && value <= 256) return value
  throw new InvalidArgumentError('Expected a whole number from 1 to 256.')
}

import { resolveDataset } from '../hub/resolve.js'
import type { LocalSource } from '../hub/resolve.js'
import type { DownloadOptions } from '../hub/download.js'
import type { Split } from './task.js'

/** Where the problems of a task lie on the Hub, by split, for who names no data. */
const hubDatasets: Readonly<Record<string, Readonly<Record<Split, string>>>> = {
  gsm8k: { train: 'openai/gsm8k', test: 'openai/gsm8k' },
  math: { train: 'EleutherAI/hendrycks_math', test: 'HuggingFaceH4/MATH-500' },
  humaneval: { train: 'openai/openai_humaneval', test: 'openai/openai_humaneval' },
}

/** The Hub id of a task's problems; null for a task that has none there. */
export function hubDataset(task: string, split: Split): string | null {
  return hubDatasets[task]?.[split] ?? null
}

/** The data of a task, downloaded when it is a Hub id and the cache does not have it. Throws a HubError. */
export async function resolveTaskData(task: string, data: string, options: DownloadOptions = {}): Promise<LocalSource> {
  // The configurations of the Hub's copies of MATH are its subjects: together they are the data set.
  return resolveDataset(data, { ...options, allConfigs: task === 'math' })
}

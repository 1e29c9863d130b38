import type { LoadProgress } from '../../model/weights/forEachTensor.js'
import { loadModel } from '../../policy/loadModel.js'
import type { LoadModelOptions } from '../../policy/loadModel.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { Progress } from './progress.js'
import type { Streams } from './streams.js'

/** Loads a model, and shows on a terminal how many bytes of its files were read; elsewhere that it goes on, where it takes long. */
export function loadWithProgress(
  stream: Streams['stderr'],
  folderOrId: string,
  options: Omit<LoadModelOptions, 'onLoad'> = {},
): Promise<CausalLM> {
  return withLoadProgress(stream, (onLoad) => loadModel(folderOrId, { ...options, onLoad }))
}

/** Shows how many bytes of a model's files `body` has read. */
export async function withLoadProgress<T>(
  stream: Streams['stderr'],
  body: (onProgress: (progress: LoadProgress) => void) => Promise<T>,
): Promise<T> {
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6)
  let bar: Progress | null = null
  try {
    return await body(({ bytes, totalBytes }) => {
      bar ??= new Progress(stream, megabytes(totalBytes), 'MB of weights')
      bar.update(megabytes(bytes))
    })
  } finally {
    ;(bar as Progress | null)?.stop()
  }
}

import { loadModel } from '../../policy/loadModel.js'
import type { LoadModelOptions } from '../../policy/loadModel.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { Progress } from './progress.js'
import type { Streams } from './streams.js'

/** Loads a model, and shows on a terminal how many bytes of its files were read; elsewhere that it goes on, where it takes long. */
export async function loadWithProgress(
  stream: Streams['stderr'],
  folderOrId: string,
  options: Omit<LoadModelOptions, 'onLoad'> = {},
): Promise<CausalLM> {
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6)
  let bar: Progress | null = null
  try {
    return await loadModel(folderOrId, {
      ...options,
      onLoad: ({ bytes, totalBytes }) => {
        bar ??= new Progress(stream, megabytes(totalBytes), 'MB of weights')
        bar.update(megabytes(bytes))
      },
    })
  } finally {
    ;(bar as Progress | null)?.stop()
  }
}

import { pinnedName, resolveModel } from '../../hub/resolve.js'
import { hubDataset, resolveTaskData } from '../../tasks/hubDatasets.js'
import type { Streams } from '../terminal/streams.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'

/**
 * Downloads the model and the data that a run names by their Hub ids and names them by their commits instead
 * (`owner/name@commit`), so that config.yaml repeats the run when the repositories have moved on. Throws a HubError.
 */
export async function pinSources(config: TrainConfig, streams: Streams): Promise<TrainConfig> {
  return withDownloadProgress(streams.stderr, async (onProgress) => {
    const onWarning = (message: string): void => {
      streams.stderr.write(`warning: ${message}\n`)
    }
    const { run, task } = config
    const model = await resolveModel(run.model, { onProgress, onWarning })
    const named = run.data ?? hubDataset(run.task, run.split)
    const data = named === null ? null : await resolveTaskData(run.task, named, { onProgress, onWarning })
    const pinned = data && pinnedName(data)
    return {
      ...config,
      run: { ...run, model: pinnedName(model), data: pinned },
      task: pinned === null ? task : { ...task, data: pinned },
    }
  })
}

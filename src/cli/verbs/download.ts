import type { Command } from 'commander'
import { downloadDataset } from '../../hub/datasetFiles.js'
import { downloadModel } from '../../hub/modelFiles.js'
import type { Streams } from '../terminal/streams.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'

interface DownloadFlags {
  dataset?: true
  config?: string
  revision?: string
}

export function addDownloadCommand(program: Command, streams: Streams): void {
  program
    .command('download')
    .summary('bring a model, adapter or data set from the Hugging Face Hub')
    .description(
      "Brings a model, an adapter or a data set from the Hugging Face Hub into the cache that Python's tools share, and " +
        'prints its folder. Goes on where an earlier download stopped.',
    )
    .argument('<id>', 'owner/name or owner/name@revision; for one GGUF file owner/name:Q4_K_M or owner/name:FILE.gguf')
    .option('--dataset', 'it is a data set')
    .option('--config <name>', 'configuration (subset) of the data set')
    .option('--revision <name>', 'branch, tag or commit (default: main)')
    .action((id: string, flags: DownloadFlags) => download(id, flags, streams))
}

async function download(id: string, { dataset, config, revision }: DownloadFlags, streams: Streams): Promise<void> {
  const snapshot = await interruptible((signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: the same command goes on here\n`))
    return withDownloadProgress(streams.stderr, (onProgress) => {
      const options = {
        signal,
        onProgress,
        onWarning: (message: string) => streams.stderr.write(`warning: ${message}\n`),
        ...(revision !== undefined && { revision }),
      }
      if (dataset) return downloadDataset(id, { ...options, ...(config !== undefined && { config }) })
      return downloadModel(id, options)
    })
  })
  streams.stderr.write(`${snapshot.id} at commit ${snapshot.revision}\n`)
  streams.stdout.write(`${snapshot.folder}\n`)
}

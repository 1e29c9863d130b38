import type { Command } from 'commander'
import { pushToHub } from '../../push/pushToHub.js'
import type { PushResult } from '../../push/pushToHub.js'
import type { Streams } from '../terminal/streams.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { Progress } from '../terminal/progress.js'
import { formatTable } from '../terminal/table.js'

interface PushFlags {
  repo: string
  public?: true
  dryRun?: true
  baseModel?: string
  license?: string
}

export function addPushCommand(program: Command, streams: Streams): void {
  program
    .command('push')
    .summary('publish a run on the Hugging Face Hub')
    .description(
      "Pushes a run's adapter to the Hugging Face Hub, with the tokenizer's files, config, metrics, evaluation and a model card " +
        'that is made from them. Needs HF_TOKEN, or hf auth login. What is there already is not sent again.',
    )
    .argument('<run>', 'folder of the run')
    .requiredOption('--repo <owner/name>', 'repository; made, private, when it does not exist')
    .option('--public', 'everybody may see it')
    .option('--dry-run', 'show the files and the model card, and send nothing')
    .option('--base-model <id>', 'Hub id of the base model, for a run on a folder')
    .option('--license <name>', 'license of the adapter, such as apache-2.0')
    .action((run: string, flags: PushFlags) => push(run, flags, streams))
}

async function push(run: string, flags: PushFlags, streams: Streams): Promise<void> {
  let bar: Progress | null = null
  let result: PushResult
  try {
    result = await interruptible((signal) => {
      onInterruption(signal, (interrupted) =>
        streams.stderr.write(`${interrupted}: nothing was published; the same command sends what is not there yet\n`),
      )
      return pushToHub({
        run,
        ...flags,
        signal,
        onWarning: (message) => streams.stderr.write(`warning: ${message}\n`),
        onProgress: (done, total) => {
          bar ??= new Progress(streams.stderr, Math.ceil(total / 1e6), 'MB')
          bar.update(Math.round(done / 1e6))
        },
      })
    })
  } finally {
    ;(bar as Progress | null)?.stop()
  }
  const { files, url, commit, card } = result
  const columns = [
    { heading: 'file', text: ({ path }: PushResult['files'][number]) => path, left: true },
    { heading: 'bytes', text: ({ size }: PushResult['files'][number]) => size.toLocaleString('en') },
    {
      heading: '',
      text: ({ isSent }: PushResult['files'][number]) => (isSent ? null : 'already there'),
      left: true,
    },
  ]
  streams.stdout.write(formatTable(columns, files))
  if (commit === null) {
    const total = files.reduce((sum, { size }) => sum + size, 0)
    const visibility = flags.public ? 'public' : 'private'
    streams.stdout.write(
      `${files.length} files, ${total.toLocaleString('en')} bytes, would go to ${url} (${visibility}). Nothing was sent.\n\n` +
        `README.md:\n\n${card}`,
    )
  } else streams.stdout.write(`${url} at commit ${commit}\n`)
}

import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { resolveModel } from '../../hub/resolve.js'
import { mergeAdapter } from '../../model/mergeAdapter.js'
import type { MergeOptions } from '../../model/mergeAdapter.js'
import { quantizedBaseOf } from '../../run/adapterRun.js'
import type { Streams } from '../terminal/streams.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { Progress } from '../terminal/progress.js'

type MergeFlags = Required<Pick<MergeOptions, 'model' | 'adapter' | 'output' | 'dtype'>> & { maxShardSize: number }

export function addMergeCommand(program: Command, streams: Streams): void {
  program
    .command('merge')
    .summary('write a model with an adapter merged into its weights')
    .description(
      "Writes a model with an adapter's updates added to its weights, with the tokenizer's files, for tools that load no " +
        'adapters. One tensor at a time is in memory.',
    )
    .requiredOption('--model <folder>', "model in Hugging Face's layout, or its Hub id")
    .requiredOption('--adapter <folder>', "LoRA adapter in PEFT's layout, or its Hub id")
    .requiredOption('--output <folder>', 'folder for the merged model, which must not exist or be empty')
    .option('--max-shard-size <size>', 'largest file of weights: bytes, or as in 500MB, 5GB', parseSize, 5e9)
    .addOption(
      new Option('--dtype <name>', 'of the merged weights; auto keeps that of the model')
        .choices(['auto', 'bfloat16', 'float16', 'float32'])
        .default('auto'),
    )
    .action((flags: MergeFlags) => merge(flags, streams))
}

async function merge({ maxShardSize, ...flags }: MergeFlags, streams: Streams): Promise<void> {
  const { model, adapter } = await withDownloadProgress(streams.stderr, async (onProgress) => ({
    adapter: (await resolveModel(flags.adapter, { onProgress })).folder,
    model: (await resolveModel(flags.model, { onProgress })).folder,
  }))
  let bar: Progress | null = null
  try {
    await interruptible(async (signal) => {
      onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: nothing is left behind\n`))
      await mergeAdapter({
        ...flags,
        model,
        adapter,
        maxShardBytes: maxShardSize,
        signal,
        onTensor: (done, total) => {
          bar ??= new Progress(streams.stderr, total, 'tensors')
          bar.update(done)
        },
      })
    })
  } finally {
    ;(bar as Progress | null)?.stop()
  }
  streams.stdout.write(`${flags.output}\n`)
  const quantized = quantizedBaseOf(adapter)
  if (quantized !== null)
    streams.stderr.write(
      `note: the adapter was trained against weights of fewer bits (${quantized}) and is merged into those of ${flags.model}; the ` +
        'merged model was not measured: grpo-ts eval --model says how good it is\n',
    )
}

/** Bytes; units of a thousand (5GB) or of 1024 (5GiB), as transformers reads them. */
function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmg])(i?)b)?$/i.exec(text.trim())
  const [, number, unit, binary] = match ?? []
  const power = unit === undefined ? 0 : 'kmg'.indexOf(unit.toLowerCase()) + 1
  const bytes = Math.floor(Number(number) * (binary ? 1024 : 1000) ** power)
  if (bytes >= 1) return bytes
  throw new InvalidArgumentError('Expected a size such as 500MB or 5GB.')
}

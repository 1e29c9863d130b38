import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { pinnedName, resolveModel } from '../../hub/resolve.js'
import { gigabytes } from '../../io/units.js'
import { groupSizes, quantizeModel } from '../../model/quantizeModel.js'
import type { QuantizeOptions } from '../../model/quantizeModel.js'
import { DEFAULT_GROUP_SIZES, quantizedDtypes } from '../../quantization/weightFormat.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { withLoadProgress } from '../terminal/loadProgress.js'
import type { Streams } from '../terminal/streams.js'

type QuantiseFlags = Pick<QuantizeOptions, 'dtype' | 'groupSize' | 'output'>

export function addQuantiseCommand(program: Command, streams: Streams): void {
  program
    .command('quantise')
    .alias('quantize')
    .summary('write a copy of a model with weights of 8 or 4 bits')
    .description(
      'Writes a copy of a model with weights of 8 or 4 bits, which loads at the speed of the disk and is what --dtype makes of the model ' +
        'while it is loaded. One matrix at a time is in memory.',
    )
    .argument('<model>', "folder of the model in Hugging Face's layout, a GGUF file, or its Hub id")
    .requiredOption('--output <folder>', 'folder for the copy, which must not exist or be empty')
    .addOption(
      new Option('--dtype <name>', 'of the weights; with int4 embeddings and output head are int8')
        .choices(quantizedDtypes)
        .makeOptionMandatory(),
    )
    .option(
      '--group-size <n>',
      `inputs that have a scale in common: ${groupSizes.join(', ')} (default: ${DEFAULT_GROUP_SIZES.int4} for int4, ${DEFAULT_GROUP_SIZES.int8} for int8)`,
      parseGroupSize,
    )
    .action((model: string, flags: QuantiseFlags) => quantise(model, flags, streams))
}

async function quantise(model: string, flags: QuantiseFlags, streams: Streams): Promise<void> {
  const sizes = await interruptible(async (signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: nothing is left behind\n`))
    const found = await withDownloadProgress(streams.stderr, (onProgress) =>
      resolveModel(model, { onProgress, signal }),
    )
    return withLoadProgress(streams.stderr, (onProgress) =>
      quantizeModel({ ...flags, model: found.folder, baseModel: pinnedName(found), signal, onProgress }),
    )
  })
  streams.stderr.write(`weights: ${gigabytes(sizes.originalBytes)} before, ${gigabytes(sizes.bytes)} after\n`)
  streams.stdout.write(`${flags.output}\n`)
}

function parseGroupSize(text: string): (typeof groupSizes)[number] {
  const size = groupSizes.find((one) => String(one) === text.trim())
  if (size !== undefined) return size
  throw new InvalidArgumentError(`Expected one of ${groupSizes.join(', ')}.`)
}

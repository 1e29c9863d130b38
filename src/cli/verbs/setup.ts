import { Argument, Option } from 'commander'
import type { Command } from 'commander'
import { ConfigError } from '../../errors.js'
import { gigabytes } from '../../io/units.js'
import { deviceKinds } from '../../xla/devices.js'
import type { DeviceKind } from '../../xla/devices.js'
import { deviceFor, readGraphics } from '../../xla/setup/graphics.js'
import { findPlugin, installFolder } from '../../xla/setup/installed.js'
import { defaultIndex, indexSource } from '../../xla/setup/packageIndex.js'
import { pipSource } from '../../xla/setup/pip.js'
import { removePlugins, setUpPlugin } from '../../xla/setup/setUp.js'
import { folderSource } from '../../xla/setup/source.js'
import type { WheelSource } from '../../xla/setup/source.js'
import { pluginFor, pluginReleases } from '../../xla/setup/wheels.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import type { Streams } from '../terminal/streams.js'

interface SetupFlags {
  device?: DeviceKind
  plugin?: string
  index?: string
  wheels?: string
  remove?: true
}

export function addSetupCommand(program: Command, streams: Streams): void {
  program
    .command('setup')
    .summary('fetch what the engine xla computes with: GPUs, TPUs')
    .description(
      "Fetches XLA's plugin for a device, for NVIDIA's GPUs with CUDA's libraries, checks hashes, and unpacks it into the cache " +
        'of grpo-ts. Goes on where an earlier one stopped, and only checks what is there. pip fetches where there is one.',
    )
    .addArgument(new Argument('<what>').choices(['xla']))
    .addOption(
      new Option('--device <name>', 'what to compute on (default: what this machine has)').choices(deviceKinds),
    )
    .addOption(
      new Option('--plugin <name>', 'another plugin than the first one for the device').choices(
        pluginReleases.map(({ name }) => name),
      ),
    )
    .option('--index <url>', 'fetch from this package index, without pip (default: PIP_INDEX_URL, or pypi.org)')
    .option('--wheels <folder>', 'take the wheels from this folder, without a network')
    .option('--remove', 'remove the plugins of the device instead')
    .action((_, flags: SetupFlags) => setup(flags, streams))
}

async function setup(flags: SetupFlags, streams: Streams): Promise<void> {
  const tell = (line: string): void => {
    streams.stderr.write(`${line}\n`)
  }
  const device = flags.device ?? deviceFor(readGraphics())
  if (flags.remove) {
    const removed = await interruptible((signal) => removePlugins(device, signal))
    tell(removed ? `the plugins of XLA for ${device} were removed` : `there is no plugin of XLA for ${device}`)
    return
  }
  const release = pluginFor(device, { name: flags.plugin })
  const source = sourceOf(flags)
  tell(`${release.name} ${release.version} for ${device}, by ${source.name}`)
  const fetched = await interruptible((signal) => {
    onInterruption(signal, (interrupted) => {
      tell(`${interrupted}: the same command goes on here`)
    })
    return withDownloadProgress(streams.stderr, (onProgress) =>
      setUpPlugin(release, source, {
        signal,
        onProgress,
        onMessage: tell,
        onPlan({ wheels, downloadBytes, unpackedBytes, folder }) {
          const files = wheels.length === 1 ? 'one file' : `${wheels.length} files`
          tell(`${files}, ${gigabytes(downloadBytes)}; unpacked ${gigabytes(unpackedBytes)} in ${folder}`)
          if (release.notice !== null) tell(release.notice)
        },
      }),
    )
  })
  tell(fetched ? 'fetched, checked and unpacked' : 'already there, and as it was unpacked')
  streams.stdout.write(`${findPlugin(device, { name: release.name })?.file ?? installFolder(release)}\n`)
}

function sourceOf({ index, wheels }: SetupFlags): WheelSource {
  if (index !== undefined && wheels !== undefined) {
    throw new ConfigError('--index and --wheels both say where the wheels come from; expected one of them')
  }
  if (wheels !== undefined) return folderSource(wheels)
  if (index !== undefined) return indexSource(index)
  return pipSource() ?? indexSource(process.env.PIP_INDEX_URL ?? defaultIndex)
}

import type { Command } from 'commander'
import { selectEngine } from '../../../engine/registry.js'
import type { EngineName } from '../../../engine/registry.js'
import { BackendError } from '../../../errors.js'
import { hubEnvironment } from '../../../hub/environment.js'
import type { Streams } from '../../terminal/streams.js'
import { describeWebAssembly, tryBackend } from './engines.js'
import { describeCache, describeHub } from './hub.js'
import {
  describeDisk,
  describeGpu,
  describeKernel,
  describeMemory,
  describeNode,
  describeProcessor,
  describePython,
} from './machine.js'

const backends: readonly EngineName[] = ['cpu', 'reference']

export function addDoctorCommand(program: Command, streams: Streams): void {
  program
    .command('doctor')
    .summary('what this machine has and which backend is taken')
    .description(
      'Shows what this machine has, whether the Hub answers, tries each backend, and says which one `auto` takes and why.',
    )
    .action(() => doctor(streams, program.version() ?? ''))
}

/** Prints the findings. Throws a BackendError when no backend works. */
export async function doctor(streams: Streams, version: string): Promise<void> {
  const print = (name: string, finding: string): void => {
    streams.stdout.write(`${name.padEnd(13)}${finding}\n`)
  }
  streams.stdout.write(`${version}\n`)
  print('Node.js', describeNode())
  print('CPU', describeProcessor())
  print('memory', describeMemory())
  print('WebAssembly', describeWebAssembly())
  print('GPU', describeGpu())
  print('disk', describeDisk(hubEnvironment().cacheFolder))
  print('Hub', await describeHub())
  print('cache', describeCache())
  print('Python', describePython())
  print('kernel', describeKernel())
  streams.stdout.write('\n')
  let anyWorks = false
  for (const backend of backends) {
    const { works, finding } = await tryBackend(backend)
    anyWorks ||= works
    print(backend, `${works ? 'works' : 'fails'}: ${finding}`)
  }
  if (!anyWorks) throw new BackendError('no backend works here; see above for the reasons')
  const { name, why } = await selectEngine('auto')
  print('auto', `takes ${name}: ${why}`)
}

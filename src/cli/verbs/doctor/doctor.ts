import type { Command } from 'commander'
import { engines, selectEngine } from '../../../engine/registry.js'
import { EngineError } from '../../../errors.js'
import { hubEnvironment } from '../../../hub/environment.js'
import type { Streams } from '../../terminal/streams.js'
import { describeWebAssembly, tryEngine } from './engines.js'
import { describeCache, describeHub } from './hub.js'
import {
  describeDisk,
  describeKernel,
  describeMemory,
  describeNode,
  describeProcessor,
  describePython,
} from './machine.js'
import { describeGpu, describePlugins } from './xla.js'

export function addDoctorCommand(program: Command, streams: Streams): void {
  program
    .command('doctor')
    .summary('what this machine has and which engine is taken')
    .description(
      'Shows what this machine has, whether the Hub answers, tries each engine, and says which one `auto` takes and why.',
    )
    .action(() => doctor(streams, program.version() ?? ''))
}

/** Prints the findings. Throws an EngineError when no engine works. */
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
  print('XLA', describePlugins())
  print('disk', describeDisk(hubEnvironment().cacheFolder))
  print('Hub', await describeHub())
  print('cache', describeCache())
  print('Python', describePython())
  print('kernel', describeKernel())
  streams.stdout.write('\n')
  let anyWorks = false
  for (const { name } of engines) {
    const { works, finding } = await tryEngine(name)
    anyWorks ||= works
    print(name, `${works ? 'works' : 'fails'}: ${finding}`)
  }
  if (!anyWorks) throw new EngineError('no engine works here; see above for the reasons')
  const { name, why } = await selectEngine('auto')
  print('auto', `takes ${name}: ${why}`)
}

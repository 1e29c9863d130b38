import type { Command } from 'commander'
import { describeMemory, describeNode, describeProcessor } from '../../../engine/machine.js'
import { engines, selectEngine } from '../../../engine/registry.js'
import { EngineError } from '../../../errors.js'
import { hubEnvironment } from '../../../hub/environment.js'
import type { Streams } from '../../terminal/streams.js'
import { describeWebAssembly, tryEngine } from './engines.js'
import { describeCache, describeHub } from './hub.js'
import { describeDisk, describeKernel, describePython } from './machine.js'
import { describeModel } from './model.js'
import { describeGpu, describePlugins } from '../../../xla/describeXla.js'

export function addDoctorCommand(program: Command, streams: Streams): void {
  program
    .command('doctor')
    .summary('what this machine has and which engine is taken')
    .description(
      'Shows what this machine has, whether the Hub answers, tries each engine, and says which one `auto` takes and why; of a model, ' +
        'what its weights take in each dtype.',
    )
    .argument(
      '[model]',
      "folder of a model in Hugging Face's layout, or its Hub id, of which only config.json is fetched",
    )
    .action((model: string | undefined) => doctor(streams, program.version() ?? '', model))
}

/** Prints the findings. Throws an EngineError when no engine works. */
export async function doctor(streams: Streams, version: string, model?: string): Promise<void> {
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
  const { name, why, engine } = await selectEngine('auto')
  print('auto', `takes ${name}: ${why}`)
  if (model === undefined) return
  streams.stdout.write('\n')
  for (const [what, finding] of await describeModel(model, engine)) print(what, finding)
}

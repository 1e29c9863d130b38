import fs from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { selectEngine } from '../../engine/registry.js'
import { GrpoError } from '../../errors.js'
import { engineOptions } from '../../engine/engineOptions.js'
import { option } from '../../options/schema.js'
import { nameOption } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { parsePretrainConfig, pretrainConfigSchema } from '../../pretrain/config.js'
import type { PretrainConfig } from '../../pretrain/config.js'
import { Pretrainer } from '../../pretrain/pretrainer.js'
import { listCheckpoints } from '../../run/checkpointFolders.js'
import { formatConfig, readConfigFile } from '../../run/configFile.js'
import { runFileNames } from '../../run/fileNames.js'
import { GrowingFiles } from '../../run/growingFiles.js'
import { runLayout } from '../../run/layout.js'
import { lockRunFolder } from '../../run/lock.js'
import type { Streams } from '../terminal/streams.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { Progress } from '../terminal/progress.js'
import { checkModelFolder, checkRunFolder, startRunFolder } from '../../run/runEntries.js'

/** Updates between two lines of the log. */
const LOGGING_STEPS = 50

const flagsOfRun = schemaFlags({
  outputDir: option(nameOption, path.join('runs', 'pretrain'), 'Folder of the run; the model is in its model/.'),
  threads: engineOptions.threads,
  resume: option(z.boolean(), false, 'Go on from the newest checkpoint in the folder, or start when there is none.'),
  overwrite: option(z.boolean(), false, 'Replace the run that the folder holds.'),
})
const flagsOfTraining = schemaFlags(pretrainConfigSchema.shape)

type PretrainFlags = ReturnType<typeof flagsOfRun.parse>

export function addPretrainCommand(program: Command, streams: Streams): void {
  const command = program
    .command('pretrain')
    .summary('train a small language model from scratch')
    .description(
      'Trains all weights of a new, small Llama on generated word problems: next-token prediction, AdamW. Options come from ' +
        'a YAML file, by their camelCase or snake_case names, and from flags, which override the file.',
    )
    .argument('[config]', 'YAML file with options')
  flagsOfTraining.addTo(command, () => 'Options of the training:')
  flagsOfRun.addTo(command)
  command.action((file: string | undefined, given: Flags) => {
    const config = parsePretrainConfig(file === undefined ? {} : readConfigFile(file), flagsOfTraining.read(given))
    return pretrain(config, flagsOfRun.parse('pretrain', given), streams)
  })
}

/** Trains a model and leaves it in `model/` of the run's folder. Throws Interrupted after Ctrl-C, with a checkpoint written. */
async function pretrain(config: PretrainConfig, flags: PretrainFlags, streams: Streams): Promise<void> {
  const { outputDir, resume, overwrite } = flags
  const resumes = resume && listCheckpoints(outputDir).length > 0
  if (!resumes) {
    checkRunFolder(outputDir, overwrite)
    checkModelFolder(outputDir)
  }
  const engine = await selectEngine('cpu', flags)
  const lock = lockRunFolder(outputDir)
  try {
    if (!resumes) startRunFolder(outputDir, formatConfig(config))
    await pretrainIn(outputDir, config, { resumes, engine }, streams)
  } finally {
    lock.release()
  }
}

async function pretrainIn(
  outputDir: string,
  config: PretrainConfig,
  { resumes, engine }: { resumes: boolean; engine: { name: string; why: string } },
  streams: Streams,
): Promise<void> {
  const print = (name: string, value: string): void => void streams.stdout.write(`${name.padEnd(9)}${value}\n`)
  const onWarning = (message: string): void => void streams.stderr.write(`warning: ${message}\n`)
  const { model, metrics } = runLayout(outputDir)
  const pretrainer = new Pretrainer(config, model)
  try {
    // A checkpoint of the first version does not know how long the file was.
    const known = resumes ? pretrainer.restoreState(outputDir, onWarning) : {}
    const positions = known ?? { [runFileNames.metrics]: fs.statSync(metrics, { throwIfNoEntry: false })?.size ?? 0 }
    const files = new GrowingFiles(outputDir, ['metrics'], positions, onWarning)
    print('model', `Llama, ${config.numLayers} layers, ${pretrainer.size.toLocaleString('en')} parameters`)
    print('engine', `${engine.name}: ${engine.why}`)
    print('batch', `${config.tokensPerStep} tokens an update, ${config.maxSteps} updates`)
    print('output', outputDir)
    if (resumes) print('resumed', `after update ${pretrainer.step}`)
    await interruptible((signal) => run(pretrainer, outputDir, files, signal, streams))
    print('model', model)
  } finally {
    pretrainer.dispose()
  }
}

async function run(
  pretrainer: Pretrainer,
  outputDir: string,
  files: GrowingFiles,
  signal: AbortSignal,
  streams: Streams,
): Promise<void> {
  const { config } = pretrainer
  const bar = new Progress(streams.stdout, config.maxSteps, 'updates', { first: pretrainer.step })
  onInterruption(signal, (interrupted) => {
    bar.log(`${interrupted}: writing a checkpoint after this update; Ctrl-C again stops at once`)
  })
  const started = performance.now()
  let tokens = 0
  let losses: number[] = []
  try {
    for await (const { step, loss, gradNorm, learningRate, tokens: count } of pretrainer) {
      tokens += count
      losses.push(loss)
      const seconds = (performance.now() - started) / 1000
      const speed = `${(tokens / seconds).toFixed(0)} tokens/s`
      bar.update(step, `loss ${loss.toFixed(3)}  ${speed}`)
      const line = { step, loss, grad_norm: gradNorm, learning_rate: learningRate, num_tokens: count }
      const lost = files.write({ metrics: [line] })
      if (step % LOGGING_STEPS === 0) {
        const meanLoss = losses.reduce((sum, value) => sum + value, 0) / losses.length
        const left = bar.timeLeft(step) ?? '0 s left'
        bar.log(`update ${step}/${config.maxSteps}  loss ${meanLoss.toFixed(4)}  ${speed}  ${left}`)
        losses = []
      }
      const isDue = step % config.saveSteps === 0 || step === config.maxSteps
      if (isDue || signal.aborted || lost.length > 0) {
        files.flush()
        pretrainer.saveState(outputDir, files.positions)
      }
      if (lost.length > 0) {
        throw new GrpoError(
          `${lost.join('; ')}. The run was stopped after update ${step}; its checkpoint is saved in ${outputDir}, and --resume goes ` +
            'on from there',
        )
      }
      signal.throwIfAborted()
    }
    pretrainer.saveModel()
  } finally {
    bar.stop()
    files.close()
  }
}

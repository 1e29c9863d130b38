import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../../src/engine/registry.js'
import { FileFormatError } from '../../../src/errors.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { tinyTask } from '../tinyTask.js'
import { damageTrial, killedRuns } from './damageTrials.js'
import type { KilledRun } from './damageTrials.js'
import { checkpointsOf, filesOf, runToEnd } from './interruptedRun.js'
import type { RunResult } from './interruptedRun.js'

/** `npm run test:damage` tries 200. */
const TRIALS = 12

describe('damaged checkpoints', () => {
  let runs: KilledRun[]
  before(async () => {
    await selectEngine('cpu')
    runs = await killedRuns()
  })
  after(() => selectEngine('reference'))

  it('are named, and the newest whole one is resumed to the same bits', async () => {
    for (let seed = 0; seed < TRIALS; seed++) await damageTrial(runs[seed % runs.length]!, seed)
  })

  /** A copy of a killed run, and how to resume it. */
  function copyOf({ folder, config }: KilledRun): {
    outputDir: string
    step4: string
    warnings: string[]
    resume: (changes?: Partial<GRPOConfig>) => Promise<RunResult>
  } {
    const outputDir = temporaryFolder()
    fs.cpSync(folder, outputDir, { recursive: true })
    const warnings: string[] = []
    const onWarning = (message: string): void => void warnings.push(message)
    const resume = (changes = {}): Promise<RunResult> =>
      runToEnd({ outputDir, resume: true, onWarning }, { ...config, ...changes })
    return { outputDir, step4: path.join(outputDir, 'checkpoints', 'step-4'), warnings, resume }
  }

  it('that were whole say nothing', async () => {
    const { warnings, resume } = copyOf(runs[0]!)
    assert.deepEqual(await resume(), runs[0]!.result)
    assert.deepEqual(warnings, [])
  })

  it('of the first version, without checksums, are resumed with a word about it, and checked as far as possible', async () => {
    const { outputDir, step4, warnings, resume } = copyOf(runs[1]!)
    for (const name of checkpointsOf(outputDir)) {
      const folder = path.join(outputDir, 'checkpoints', name)
      fs.rmSync(path.join(folder, 'SHA256SUMS'))
      const state = path.join(folder, 'trainer_state.json')
      fs.writeFileSync(state, fs.readFileSync(state, 'utf8').replace('"version": 2', '"version": 1'))
    }
    const copy = temporaryFolder()
    fs.cpSync(outputDir, copy, { recursive: true })
    assert.deepEqual(await resume(), runs[1]!.result)
    assert.deepEqual(warnings, [`${step4} is of a version that saved no checksums: whether it is whole is not known`])

    const names = ['trainer_state.json', 'optimizer.safetensors', 'adapter/adapter_model.safetensors', 'rollouts.json']
    for (const name of names) {
      const outputDir = temporaryFolder()
      fs.cpSync(copy, outputDir, { recursive: true })
      fs.truncateSync(path.join(outputDir, 'checkpoints', 'step-4', name), 100)
      const said: string[] = []
      const onWarning = (message: string): void => void said.push(message)
      assert.deepEqual(await runToEnd({ outputDir, resume: true, onWarning }, runs[1]!.config), runs[1]!.result)
      assert.match(said[0]!, /the checkpoint of step 4 is damaged .* from the one of step 3/)
      assert.match(said[1]!, /step-3 is of a version that saved no checksums/)
    }
  })

  it('are not mistaken for those of the first version when SHA256SUMS is gone', async () => {
    const { step4, warnings, resume } = copyOf(runs[0]!)
    fs.rmSync(path.join(step4, 'SHA256SUMS'))
    await resume()
    assert.match(warnings.join(), /step-4: its SHA256SUMS is missing\)\. The run goes on from the one of step 3/)
  })

  it('leave everything as it is when none is whole', async () => {
    const { outputDir, resume } = copyOf(runs[0]!)
    for (const name of checkpointsOf(outputDir)) fs.rmSync(path.join(outputDir, 'checkpoints', name, 'SHA256SUMS'))
    const before = [filesOf(outputDir), checkpointsOf(outputDir)]
    await assert.rejects(
      resume(),
      (error) =>
        error instanceof FileFormatError && /no checkpoint is whole[^]*step 4: [^]*--overwrite/.test(error.message),
    )
    assert.deepEqual([filesOf(outputDir), checkpointsOf(outputDir)], before)
  })

  it('do not hide that it is another run', async () => {
    const { step4, resume } = copyOf(runs[0]!)
    fs.truncateSync(path.join(step4, 'trainer_state.json'), 10)
    await assert.rejects(
      resume({ learningRate: 0.5 }),
      /step-3, for it would not be the same run:\n {2}learningRate was/,
    )
  })

  it('of the best step are named at the end, and the last adapter is saved', async () => {
    const outputDir = temporaryFolder()
    const config: Partial<GRPOConfig> = {
      maxSteps: 4,
      evalStrategy: 'steps',
      evalSteps: 1,
      saveSteps: 1,
      loadBestModelAtEnd: true,
      metricForBestModel: 'eval_reward',
      greaterIsBetter: false,
    }
    let best = 0
    await assert.rejects(
      runToEnd({ outputDir, evalTask: tinyTask(2), onProgress: breakBest }, config),
      (error) =>
        error instanceof FileFormatError && new RegExp(`step-${best}.*is not as it was saved`).test(error.message),
    )
    assert.ok(fs.existsSync(path.join(outputDir, 'adapter', 'adapter_model.safetensors')))

    function breakBest(): void {
      const [first] = checkpointsOf(outputDirIfThere())
      if (first === undefined || best > 0) return
      best = Number(first.slice('step-'.length))
      fs.appendFileSync(path.join(outputDir, 'checkpoints', first, 'adapter', 'adapter_model.safetensors'), 'x')
    }
    function outputDirIfThere(): string {
      fs.mkdirSync(path.join(outputDir, 'checkpoints'), { recursive: true })
      return outputDir
    }
  })
})

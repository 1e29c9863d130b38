import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../../src/errors.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { runLayout } from '../../../src/run/layout.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { damageCheckpoints } from './damage.js'
import { checkpointsOf, filesOf, runToEnd, snapshots } from './interruptedRun.js'
import type { RunResult } from './interruptedRun.js'

/** Runs that were killed with three checkpoints: the newest with rollouts for the next step, or in the middle of a batch. */
const configs: Partial<GRPOConfig>[] = [
  { maxSteps: 5, saveSteps: 1, saveTotalLimit: 3 },
  {
    maxSteps: 5,
    saveSteps: 1,
    saveTotalLimit: 3,
    stepsPerGeneration: 2,
    numIterations: 2,
    beta: 0.1,
    lrSchedulerType: 'linear',
  },
]

/** A killed run, and what it gives when it is not killed. */
export interface KilledRun {
  readonly config: Partial<GRPOConfig>
  readonly folder: string
  readonly result: RunResult
}

/** The runs whose checkpoints are damaged. */
export async function killedRuns(): Promise<KilledRun[]> {
  const runs: KilledRun[] = []
  for (const config of configs) {
    const { result, folders } = await snapshots(config)
    // Killed in the fifth step.
    const folder = folders.findLast((each) => checkpointsOf(each).at(-1) === 'step-4')!
    runs.push({ config, folder, result })
  }
  return runs
}

/**
 * Damages a copy of a run and resumes it: it must say what is damaged and give the same bits as an undisturbed run, from an older
 * checkpoint, or refuse with the names of all that is damaged, and then change nothing. Returns what was damaged and what came.
 */
export async function damageTrial({ config, folder, result }: KilledRun, seed: number): Promise<string> {
  const outputDir = temporaryFolder()
  try {
    fs.cpSync(folder, outputDir, { recursive: true })
    // Its holder is this process, which lives; a copy is known by its inode, which may by chance be that of the deleted original.
    fs.rmSync(runLayout(outputDir).lock, { force: true })
    const { what, isOneWhole } = damageCheckpoints(outputDir, seed)
    const warnings: string[] = []
    const onWarning = (message: string): void => void warnings.push(message)
    const resume = (): Promise<RunResult> => runToEnd({ outputDir, resume: true, onWarning }, config)
    if (isOneWhole) {
      assert.deepEqual(await resume(), result, `seed ${seed}: ${what}`)
      const said = warnings.join('; ')
      assert.match(
        said,
        /the checkpoint of step 4 is damaged \(.*\)\. The run goes on from the one of step \d/,
        `seed ${seed}: ${what}`,
      )
      assert.ok(fs.existsSync(path.join(outputDir, 'checkpoints', 'step-4.damaged')))
      return `${what} -> ${said}`
    }
    const before = { files: filesOf(outputDir), checkpoints: checkpointsOf(outputDir) }
    let refusal = ''
    await assert.rejects(resume, (error) => {
      refusal = String(error)
      return error instanceof FileFormatError && /no checkpoint is whole.*\n {2}step 4: .*\n {2}step 3: .*\n {2}step 2: /.test(refusal)
    }, `seed ${seed}: ${what}`) // prettier-ignore
    assert.deepEqual({ files: filesOf(outputDir), checkpoints: checkpointsOf(outputDir) }, before)
    return `${what} -> ${refusal}`
  } finally {
    fs.rmSync(outputDir, { recursive: true })
  }
}

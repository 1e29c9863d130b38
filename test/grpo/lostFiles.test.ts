import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { GrpoError } from '../../src/errors.js'
import type { GRPOConfig } from '../../src/grpo/config/config.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { checkpointsOf, filesOf, runToEnd } from './checkpoint/interruptedRun.js'
import type { RunResult } from './checkpoint/interruptedRun.js'
import { withPolicy } from './tinyTask.js'

const config: Partial<GRPOConfig> = { maxSteps: 5, saveSteps: 100 }

/** Trains, does something to the folder after the third step, and returns the error that ends the run, and the warnings. */
async function trainAnd(
  act: (outputDir: string) => void,
  changes: Partial<GRPOConfig> = {},
): Promise<{ outputDir: string; error: unknown; warnings: string[] }> {
  const outputDir = path.join(temporaryFolder(), 'run')
  const warnings: string[] = []
  let error: unknown = null
  await withPolicy(async ({ trainerOf }) => {
    try {
      const onWarning = (message: string): void => void warnings.push(message)
      for await (const { step } of trainerOf({ outputDir, onWarning }, { ...config, ...changes })) {
        if (step === 3) act(outputDir)
      }
    } catch (thrown) {
      error = thrown
    }
  })
  return { outputDir, error, warnings }
}

describe('files of a run that something else takes away', () => {
  let plain: RunResult
  before(async () => {
    await selectEngine('cpu')
    plain = await runToEnd({ outputDir: temporaryFolder() }, config)
  })
  after(() => selectEngine('reference'))

  const lines = (text: string): string[] => text.split('\n')

  it('are named, when metrics.jsonl was cut short; adapter, checkpoint and the line of the step are there', async () => {
    const { outputDir, error } = await trainAnd((folder) => {
      const file = path.join(folder, 'metrics.jsonl')
      fs.truncateSync(file, fs.statSync(file).size - 10)
    })
    assert.ok(error instanceof GrpoError)
    assert.match(
      error.message,
      /metrics\.jsonl has \d+ bytes, of the \d+ that the steps so far had written: .* stopped behind step 4; adapter and checkpoint are saved in .*run, and resume/,
    )
    assert.deepEqual(checkpointsOf(outputDir), ['step-4'])
    assert.ok(fs.existsSync(path.join(outputDir, 'adapter', 'adapter_model.safetensors')))
    const all = lines(plain.metrics)
    assert.deepEqual(lines(filesOf(outputDir).metrics), [all[0], all[1], all[3]])
    // And the run goes on, to the same bits, without the line that was lost.
    const { adapter, metrics, completions } = await runToEnd({ outputDir, resume: true }, config)
    assert.deepEqual(adapter, plain.adapter)
    assert.equal(completions, plain.completions)
    assert.deepEqual(lines(metrics), [all[0], all[1], all[3], all[4]])
  })

  it('are named, when the whole folder was deleted, and what was learned is saved anew', async () => {
    const { outputDir, error } = await trainAnd((folder) => {
      fs.rmSync(folder, { recursive: true })
    })
    assert.ok(error instanceof GrpoError)
    assert.match(
      error.message,
      /metrics\.jsonl is gone, and with it the \d+ bytes .*completions\.jsonl is gone, .*step 4; adapter/,
    )
    assert.deepEqual(checkpointsOf(outputDir), ['step-4'])
    assert.deepEqual(lines(filesOf(outputDir).metrics), [lines(plain.metrics)[3]])
    assert.deepEqual((await runToEnd({ outputDir, resume: true }, config)).adapter, plain.adapter)
  })

  it('are named, when the folder cannot be made again', async () => {
    const { error, warnings } = await trainAnd((folder) => {
      fs.rmSync(folder, { recursive: true })
      fs.writeFileSync(folder, 'a file')
    })
    assert.ok(error instanceof GrpoError)
    assert.match(String(error), /run: cannot be written/)
    assert.match(warnings.join(), /what the run had learned could not be saved: .*run/)
  })

  it('are made again, when only the checkpoints were deleted', async () => {
    const { outputDir, error } = await trainAnd((folder) => {
      fs.rmSync(path.join(folder, 'checkpoints'), { recursive: true })
    }, { saveSteps: 3 }) // prettier-ignore
    assert.equal(error, null)
    assert.deepEqual(checkpointsOf(outputDir), ['step-5'])
    assert.equal(filesOf(outputDir).metrics, plain.metrics)
  })

  it('are told as a warning, when they were cut short between two parts of a run', async () => {
    const outputDir = temporaryFolder()
    await withPolicy(async ({ trainerOf }) => {
      for await (const { step } of trainerOf({ outputDir }, config)) if (step === 3) break
    })
    const file = path.join(outputDir, 'completions.jsonl')
    fs.truncateSync(file, 400)
    fs.rmSync(path.join(outputDir, 'metrics.jsonl'))
    const warnings: string[] = []
    const onWarning = (message: string): void => void warnings.push(message)
    const resumed = await runToEnd({ outputDir, resume: true, onWarning }, config)
    assert.deepEqual(resumed.adapter, plain.adapter)
    assert.equal(warnings.length, 2)
    assert.match(warnings[0]!, /metrics\.jsonl is gone, and with it the \d+ bytes/)
    assert.match(warnings[1]!, /completions\.jsonl has 400 bytes, of the \d+/)
    assert.deepEqual(lines(resumed.metrics), lines(plain.metrics).slice(3))
    for (const line of lines(resumed.completions).slice(0, -1)) JSON.parse(line)
  })

  it('lose what is not of the run, with a warning, when something else wrote into them', async () => {
    const { outputDir, error, warnings } = await trainAnd((folder) => {
      fs.appendFileSync(path.join(folder, 'metrics.jsonl'), '{"step": 99}\n')
    })
    assert.equal(error, null)
    assert.match(warnings.join(), /metrics\.jsonl was written to by something else: it had \d+ bytes/)
    assert.equal(filesOf(outputDir).metrics, plain.metrics)
  })

  it('may be replaced by a copy of themselves, as an editor does it', async () => {
    const { outputDir, error, warnings } = await trainAnd((folder) => {
      const file = path.join(folder, 'metrics.jsonl')
      fs.copyFileSync(file, `${file}~`)
      fs.renameSync(`${file}~`, file)
    })
    assert.equal(error, null)
    assert.deepEqual(warnings, [])
    assert.equal(filesOf(outputDir).metrics, plain.metrics)
  })

  it('with a damaged line do not keep a run from going on', async () => {
    const outputDir = temporaryFolder()
    await withPolicy(async ({ trainerOf }) => {
      for await (const { step } of trainerOf({ outputDir }, config)) if (step === 3) break
    })
    const file = path.join(outputDir, 'metrics.jsonl')
    const bytes = fs.readFileSync(file)
    bytes[0] = 0
    fs.writeFileSync(file, bytes)
    const warnings: string[] = []
    await withPolicy(async ({ trainerOf }) => {
      await trainerOf({ outputDir, resume: true, onWarning: (message) => warnings.push(message) }, config).train()
    })
    assert.match(warnings.join(), /a line is damaged and was left out: metrics\.jsonl:1: is not JSON in UTF-8/)
    assert.deepEqual(checkpointsOf(outputDir), ['step-3', 'step-5'])
  })

  it('are not replaced by a run that was to go on, when only its checkpoints are gone', async () => {
    const outputDir = temporaryFolder()
    await runToEnd({ outputDir }, config)
    fs.rmSync(path.join(outputDir, 'checkpoints'), { recursive: true })
    await assert.rejects(
      runToEnd({ outputDir, resume: true }, config),
      /none of its checkpoints .*so it cannot be continued/,
    )
    assert.equal(filesOf(outputDir).metrics, plain.metrics)
  })
})

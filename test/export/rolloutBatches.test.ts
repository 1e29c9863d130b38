import assert from 'node:assert/strict'
import { rolloutBatches } from '../../src/export/rolloutBatches.js'
import type { RolloutBatches } from '../../src/export/rolloutBatches.js'
import { planOf } from './exportFixture.js'

/** Compares some of the fields. */
function assertFields(batches: RolloutBatches | string, expected: Partial<RolloutBatches>): void {
  assert.deepEqual({ ...(batches as RolloutBatches), ...expected }, batches)
}

async function refusalOf(options: Readonly<Record<string, unknown>>, processes = 1): Promise<string> {
  const batches = await batchesOf(options, processes)
  return typeof batches === 'string' ? batches : assert.fail('nothing was refused')
}

const batchesOf = async (options: Readonly<Record<string, unknown>>, processes = 1) =>
  rolloutBatches(await planOf({ numGenerations: 4, perDeviceTrainBatchSize: 8, maxSteps: 12, ...options }, processes))

describe('batches as rollouts and mini-batches', () => {
  it('are one optimizer step on what was sampled, by default', async () => {
    assert.deepEqual(await batchesOf({ gradientAccumulationSteps: 2 }), {
      prompts: 4,
      optimizerBatch: 16,
      microBatch: 8,
      stepsPerRollout: 1,
      maxSteps: 12,
      rollouts: 12,
    })
  })

  it('are several steps where a generation batch is cut into several, and repeated', async () => {
    const batches = await batchesOf({ stepsPerGeneration: 3, numIterations: 2 })
    assertFields(batches, { prompts: 6, optimizerBatch: 8, stepsPerRollout: 6, rollouts: 2 })
  })

  it('round up the last rollout of a run', async () => {
    assertFields(await batchesOf({ stepsPerGeneration: 5 }), { stepsPerRollout: 5, rollouts: 3 })
  })

  it('sample at once what an optimizer step gathers from several generation batches', async () => {
    const batches = await batchesOf({ gradientAccumulationSteps: 4, stepsPerGeneration: 2 })
    assertFields(batches, { prompts: 8, optimizerBatch: 32, stepsPerRollout: 1 })
  })

  it('take the steps of the epochs', async () => {
    const batches = await batchesOf({ maxSteps: -1, numTrainEpochs: 4 })
    assertFields(batches, { maxSteps: 6, rollouts: 6 })
  })

  it('divide among the processes, in parts that no process is without', async () => {
    assertFields(await batchesOf({ gradientAccumulationSteps: 3 }, 2), { microBatch: 4 })
    assertFields(await batchesOf({ gradientAccumulationSteps: 3 }, 24), { microBatch: 1 })
    assert.match(await refusalOf({}, 3), /takes 8 completions .* 3 processes; make it a multiple of 3/)
  })

  it('are refused where optimizer steps take parts of generation batches', async () => {
    assert.match(
      await refusalOf({ gradientAccumulationSteps: 2, stepsPerGeneration: 3 }),
      /make one of the first two a multiple of the other/,
    )
    assert.match(
      await refusalOf({ gradientAccumulationSteps: 4, stepsPerGeneration: 2, numIterations: 2 }),
      /only with num_iterations 1/,
    )
  })
})

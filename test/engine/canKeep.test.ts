import assert from 'node:assert/strict'
import type { Engine, EngineInfo } from '../../src/engine/engine.js'
import { selectEngine } from '../../src/engine/registry.js'
import type { TrainingStep } from '../../src/grpo/step.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { forwardingEngine } from '../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { fractionOf, tinyTask, VOCABULARY } from '../grpo/tinyTask.js'

/** What an engine is asked to keep. */
interface Asked {
  /** Calls of startKeeping. */
  keeping: number
  /** Of each recording, whether what was kept may be used. */
  asSampled: (boolean | undefined)[]
  /** Calls of generate that asked for keeping. */
  keep: number
}

/** The cpu engine behind another description of itself. */
function askedEngine(engine: Engine, info: Partial<EngineInfo>, asked: Asked): Engine {
  return forwardingEngine(engine, {
    info,
    model: (model) => ({
      generate(prompts, options) {
        if (options.keep) asked.keep++
        return model.generate(prompts, options)
      },
      record(rows, options) {
        asked.asSampled.push(options.asSampled)
        return model.record(rows, options)
      },
      startKeeping(tokens) {
        asked.keeping++
        model.startKeeping(tokens)
      },
    }),
  })
}

/** A run of two steps on the cpu engine that says something else of itself. */
async function train(
  info: Partial<EngineInfo>,
): Promise<{ asked: Asked; steps: TrainingStep[]; keptTokens: number; adapter: Float32Array }> {
  const { engine } = await selectEngine('cpu')
  const asked: Asked = { keeping: 0, asSampled: [], keep: 0 }
  const folder = temporaryTinyModel({ vocab_size: VOCABULARY, max_position_embeddings: 64 }, { tokenizer: false })
  const base = await loadModel(folder, { engine: askedEngine(engine, info, asked) })
  const policy = base.withLora({ r: 4, alpha: 8 })
  try {
    const trainer = new GRPOTrainer({
      policy,
      task: tinyTask(),
      rewards: [fractionOf(7)],
      config: { numGenerations: 4, perDeviceTrainBatchSize: 4, maxCompletionLength: 5, maxSteps: 2, seed: 1 },
    })
    const steps = await trainer.train()
    const { keptTokens } = await trainer.memoryForecast
    return { asked, steps, keptTokens, adapter: policy.adapter!.values.slice() }
  } finally {
    policy.dispose()
    base.dispose()
  }
}

describe('what sampling computed is used again', () => {
  after(() => selectEngine('reference'))

  it('where an engine is batch-invariant and trains as it samples', async () => {
    const { asked, keptTokens } = await train({})
    assert.ok(keptTokens > 0)
    assert.equal(asked.keeping, 2)
    assert.ok(asked.keep > 0)
    assert.ok(asked.asSampled.length > 0 && asked.asSampled.every((used) => used === true), asked.asSampled.join())
  })

  const others: Record<string, Partial<EngineInfo>> = {
    'depends on the batch': { isBatchInvariant: false },
    'samples otherwise than it trains': { samplingTolerance: null },
  }
  for (const [what, info] of Object.entries(others)) {
    it(`not where an engine ${what}, and the run is the same`, async () => {
      const { asked, keptTokens, adapter, steps } = await train(info)
      assert.equal(keptTokens, 0)
      assert.equal(asked.keeping + asked.keep, 0)
      assert.ok(asked.asSampled.length > 0 && asked.asSampled.every((used) => used === false), asked.asSampled.join())
      const usual = await train({})
      // The forwarded engine is exact whatever it says, so that nothing but the way there may differ.
      assert.deepEqual(adapter, usual.adapter)
      assert.equal(steps.length, usual.steps.length)
    })
  }
})

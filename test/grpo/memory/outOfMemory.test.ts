import assert from 'node:assert/strict'
import fs from 'node:fs'
import type { EngineInfo } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { ConfigError, OutOfDeviceMemoryError } from '../../../src/errors.js'
import { evaluate } from '../../../src/eval/evaluate.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { preflight } from '../../../src/grpo/preflight/preflight.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import type { GRPOTrainerOptions } from '../../../src/grpo/trainer.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { Policy } from '../../../src/policy/causalLM.js'
import { forwardingEngine } from '../../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { assertClose } from '../assertClose.js'
import { rewardOf, tinyTask, VOCABULARY } from '../tinyTask.js'

/** The engine of a card. */
const card: Partial<EngineInfo> = { name: 'xla', device: 'cuda', isBatchInvariant: false }

const full = (what: string): Promise<never> =>
  Promise.reject(new OutOfDeviceMemoryError(`${what}: the device is out of memory`, 12345))

/** Whether an error says that the memory is full, what to make smaller, and more. */
const says = (error: unknown, ...patterns: readonly RegExp[]): boolean => {
  assert.ok(error instanceof OutOfDeviceMemoryError, String(error))
  assert.equal(error.bytes, 12345)
  for (const pattern of patterns) assert.match(error.message, pattern)
  return true
}

describe('a device whose memory is full', () => {
  const inFolder = useTemporaryFolder()
  let modelFolder: string

  before(() => {
    modelFolder = temporaryTinyModel({ vocab_size: VOCABULARY, max_position_embeddings: 64 }, { tokenizer: false })
  })
  after(() => selectEngine('reference'))

  /** Has a policy whose engine can train on so many micro-batches, and sample so often, before its memory is full. */
  async function withCard<T>(
    room: { trained?: number; sampled?: number },
    body: (policy: Policy) => Promise<T>,
    info: Partial<EngineInfo> = card,
  ): Promise<T> {
    const { engine } = await selectEngine('cpu')
    let { trained = Infinity, sampled = Infinity } = room
    const base = await loadModel(modelFolder, {
      engine: forwardingEngine(engine, {
        info,
        model: (model) => ({
          record: (rows, options) => (trained-- > 0 ? model.record(rows, options) : full('backward')),
          generate: (prompts, options) => (sampled-- > 0 ? model.generate(prompts, options) : full('decode')),
        }),
      }),
    })
    const policy = base.withLora({ r: 4, alpha: 8 })
    try {
      return await body(policy)
    } finally {
      policy.dispose()
      base.dispose()
    }
  }

  const train = async (
    policy: Policy,
    options: Partial<GRPOTrainerOptions> = {},
    config: Partial<GRPOConfig> = {},
  ): Promise<Float32Array> => {
    await new GRPOTrainer({
      policy,
      task: tinyTask(),
      rewards: [rewardOf(({ ids }) => ids.reduce((sum, id) => sum + id, 0) / 100)],
      ...options,
      config: {
        numGenerations: 4,
        perDeviceTrainBatchSize: 4,
        maxCompletionLength: 5,
        maxSteps: 3,
        seed: 1,
        ...config,
      },
    }).train()
    return policy.trained.parameters.values.slice()
  }

  it('stops a run, which says what to make smaller and goes on from its checkpoint with smaller passes, and on a larger card', async () => {
    const whole = await withCard({}, (policy) => train(policy))
    const outputDir = inFolder('run')
    await withCard({ trained: 2 }, (policy) =>
      assert.rejects(train(policy, { outputDir }), (error) =>
        says(
          error,
          /^backward: the device is out of memory\. Make one of these smaller: maxTokensPerPass \(now null, as much as fits\), maxCompletionLength \(now 5\), numGenerations \(now 4\), perDeviceTrainBatchSize \(now 4\), or take precision bfloat16, or take dtype int8 \(1 MiB of weights\) or int4 \(1 MiB\)\./,
          /The run was stopped behind step 2; adapter and checkpoint are saved in .*run, and resume \(--resume\) goes on from there; maxTokensPerPass may be another one then/,
        ),
      ),
    )
    assert.deepEqual(fs.readdirSync(inFolder('run', 'checkpoints')), ['step-2'])
    const { engine } = await selectEngine('cpu')
    const larger = { ...card, budgets: { ...engine.info.budgets, decodeRows: 512 } }
    const resumed = await withCard(
      {},
      (policy) => train(policy, { outputDir, resume: true }, { maxTokensPerPass: 8 }),
      larger,
    )
    const lines = fs.readFileSync(inFolder('run', 'metrics.jsonl'), 'utf8').trimEnd().split('\n')
    assert.equal(lines.length, 3)
    assertClose(resumed, whole, 1e-5)
  })

  it('stops a run that samples, too', () =>
    withCard({ sampled: 1 }, (policy) =>
      assert.rejects(train(policy), (error) =>
        says(error, /^decode: .*numGenerations \(now 4\)/, /stopped behind step 1; without outputDir nothing is saved/),
      ),
    ))

  it('does not advise a precision that the engine has already', () =>
    withCard(
      { sampled: 0 },
      (policy) =>
        assert.rejects(train(policy), (error) => {
          assert.doesNotMatch((error as Error).message, /precision/)
          return says(error, /perDeviceTrainBatchSize \(now 4\), or take dtype int8/)
        }),
      { ...card, precision: 'bfloat16' },
    ))

  it('stops evaluations, of a run and by themselves, and a preflight', async () => {
    const task = tinyTask()
    await withCard({ sampled: 1 }, (policy) => {
      const config = { evalStrategy: 'steps', evalSteps: 1, numGenerationsEval: 2, evalTemperature: 1 } as const
      return assert.rejects(train(policy, { evalTask: task }, config), (error) =>
        says(error, /^decode: .*maxCompletionLength \(now 5\), numGenerationsEval \(now 2\)/),
      )
    })
    await withCard({ sampled: 0 }, (policy) =>
      assert.rejects(evaluate({ policy }, task, { samples: 3, maxCompletionLength: 6 }), (error) =>
        says(
          error,
          /^decode: .*maxCompletionLength \(now 6\), samples \(now 3\), or take precision bfloat16, or take dtype/,
        ),
      ),
    )
    const run = { task, rewards: [rewardOf(() => 1)], maxSeconds: 5 }
    for (const room of [{ sampled: 0 }, { trained: 0 }]) {
      await withCard(room, (policy) =>
        assert.rejects(preflight({ ...run, policy, config: { maxCompletionLength: 5 } }), (error) =>
          says(
            error,
            /: the device is out of memory\. .*maxTokensPerPass \(now null.*perDeviceTrainBatchSize \(now \d+\)/,
          ),
        ),
      )
    }
  })

  it('is no reason for other passes where the same bits were promised', async () => {
    const outputDir = inFolder('run')
    const exact: Partial<EngineInfo> = {}
    await withCard(
      { trained: 1 },
      (policy) => assert.rejects(train(policy, { outputDir }), OutOfDeviceMemoryError),
      exact,
    )
    await withCard(
      {},
      (policy) =>
        assert.rejects(
          train(policy, { outputDir, resume: true }, { maxTokensPerPass: 8 }),
          (error) => error instanceof ConfigError && error.message.includes('maxTokensPerPass was null and is now 8'),
        ),
      exact,
    )
  })

  it('has a run go on with the same engine, kind of device and precision only', async () => {
    const outputDir = inFolder('run')
    await withCard({}, (policy) => train(policy, { outputDir }, { maxSteps: 1 }))
    const others: [Partial<EngineInfo>, string][] = [
      [{ ...card, precision: 'bfloat16' }, 'xla (cuda, bfloat16)'],
      [{ ...card, device: 'rocm' }, 'xla (rocm, float32)'],
      [{}, 'cpu (cpu, float32)'],
    ]
    for (const [info, name] of others) {
      await withCard(
        {},
        (policy) =>
          assert.rejects(train(policy, { outputDir, resume: true }, { maxSteps: 1 }), (error) => {
            assert.ok(error instanceof ConfigError)
            assert.ok(error.message.includes(`engine was "xla (cuda, float32)" and is now "${name}"`), error.message)
            return true
          }),
        info,
      )
    }
  })
})

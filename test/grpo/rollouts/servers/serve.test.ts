import assert from 'node:assert/strict'
import { selectEngine } from '../../../../src/engine/registry.js'
import { rolloutServers } from '../../../../src/grpo/rollouts/servers/rolloutServers.js'
import { GRPOTrainer } from '../../../../src/grpo/trainer.js'
import type { RolloutEngine } from '../../../../src/grpo/rollouts/rolloutEngine.js'
import type { TrainingStep } from '../../../../src/grpo/step.js'
import type { CausalLM } from '../../../../src/policy/causalLM.js'
import { loadModel } from '../../../../src/policy/loadModel.js'
import { correctness } from '../../../../src/rewards/index.js'
import type { Task } from '../../../../src/tasks/task.js'
import { loadTask } from '../../../../src/tasks/loadTask.js'
import { adapterValues } from '../../../fixtures/policies.js'
import { useTemporaryFolder } from '../../../io/temporaryFolder.js'
import { startServe } from './serveProcess.js'
import type { ServeProcess } from './serveProcess.js'

describe('grpo/rollouts/servers of grpo-ts serve', function () {
  this.timeout(120_000)
  const place = useTemporaryFolder()
  let base: CausalLM
  let task: Task
  let servers: ServeProcess[] = []

  before(async () => {
    await selectEngine('cpu')
    base = await loadModel('word-problems-2m')
    task = await loadTask('word-problems', { limit: 40 })
    servers = await Promise.all([1, 2].map(() => startServe(['word-problems-2m', '--threads', '1'])))
  })
  after(async () => {
    for (const server of servers) await server.kill()
    base.dispose()
    await selectEngine('reference')
  })

  /** The steps of a run, and what it has learned. */
  const train = async (
    rolloutEngine: RolloutEngine | null,
  ): Promise<{ steps: TrainingStep[]; values: Float32Array[] }> => {
    const policy = base.withLora({ r: 8, alpha: 16 })
    const trainer = new GRPOTrainer({
      policy,
      task,
      rewards: [correctness()],
      ...(rolloutEngine && { rolloutEngine }),
      config: {
        maxSteps: 4,
        numGenerations: 8,
        perDeviceTrainBatchSize: 32,
        maxCompletionLength: 48,
        learningRate: 2e-3,
        seed: 5,
      },
    })
    const steps = await trainer.train()
    const values = adapterValues(policy)
    policy.dispose()
    return { steps, values }
  }
  const textsOf = (steps: readonly TrainingStep[]): string[] =>
    steps.flatMap(({ groups }) => groups.flatMap(({ completions }) => completions.map(({ text }) => text)))

  it('learns bit for bit what it learns by the own engine with the same seed', async () => {
    const own = await train(null)
    const engine = rolloutServers(
      { engine: 'vllm', baseUrl: servers.map(({ url }) => url) },
      { outputDir: place('run'), onWarning: (message) => assert.fail(message) },
    )
    const served = await train(engine)
    await engine.close()
    assert.deepEqual(textsOf(served.steps), textsOf(own.steps))
    assert.deepEqual(served.values, own.values)
    for (const { metrics } of served.steps) assert.ok(metrics['sampling/sampling_logp_difference/max']! < 1e-5)
    for (const { url } of servers) {
      const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: unknown[] }
      assert.equal(data.length, 1)
    }
  })
})

import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { selectEngine } from '../../../src/engine/registry.js'
import { ConfigError } from '../../../src/errors.js'
import { preflight } from '../../../src/grpo/preflight/preflight.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { correctness, format } from '../../../src/rewards/index.js'
import { arithmetic } from '../../../src/tasks/generators/arithmetic.js'
import { adapterValues, memoryInUse } from '../../fixtures/policies.js'
import type { RolloutEngine } from '../../../src/grpo/rollouts/rolloutEngine.js'
import { fakeRollouts } from '../rollouts/fakeRollouts.js'
import { forwardingEngine } from '../../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'

describe('grpo/preflight', () => {
  let model: CausalLM
  let policy: CausalLM
  before(async () => {
    await selectEngine('cpu')
    model = await loadModel(temporaryTinyModel())
    policy = model.withLora({ r: 2 })
  })
  after(() => {
    policy.dispose()
    model.dispose()
  })
  const options = () => ({
    policy,
    task: arithmetic(),
    rewards: [correctness(), format({ weight: 0.2 })],
    config: { numGenerations: 4, maxCompletionLength: 8, maxSteps: 50 },
  })

  it("measures what a compiled engine does when it has compiled, on the run's own sizes", async () => {
    const { engine } = await selectEngine('cpu')
    const sizes = new Set<string>()
    const compiling = { sampling: 600, training: 600 }
    /** Takes its time once. */
    const compile = async (what: keyof typeof compiling): Promise<void> => {
      await setTimeout(compiling[what])
      compiling[what] = 0
    }
    const base = await loadModel(model.folder, {
      engine: forwardingEngine(engine, {
        info: { isBatchInvariant: false, isCompiled: true },
        model: (plain) => ({
          async generate(prompts, sampling) {
            sizes.add(`${prompts.length} x ${sampling.numGenerations}`)
            await compile('sampling')
            return plain.generate(prompts, sampling)
          },
          async record(rows, recording) {
            sizes.add(`${rows.length} rows`)
            await compile('training')
            return plain.record(rows, recording)
          },
        }),
      }),
    })
    const compiled = base.withLora({ r: 2 })
    try {
      const config = { ...options().config, numGenerations: 2, perDeviceTrainBatchSize: 8 }
      const { report, groups } = await preflight({ ...options(), policy: compiled, config })
      // 5 batches of 4 problems, and a micro-batch twice.
      assert.equal(groups.length, 20)
      assert.ok(groups.every(({ completions }) => completions.length === 2))
      assert.deepEqual([...sizes], ['4 x 2', '8 rows'])
      assert.deepEqual(compiling, { sampling: 0, training: 0 })
      assert.ok(report.secondsPerStep < 0.5, `${report.secondsPerStep} s a step`)
    } finally {
      compiled.dispose()
      base.dispose()
    }
  })

  it('looks at 80 completions of a model of random weights, and says what is the matter', async () => {
    const before = adapterValues(policy)
    const seen: number[] = []
    const { report, groups } = await preflight({ ...options(), onProgress: ({ tokens }) => seen.push(tokens) })
    assert.equal(groups.length, 20)
    assert.ok(groups.every(({ completions }) => completions.length === 4))
    assert.equal(report.go, false)
    const status = Object.fromEntries(report.checks.map((check) => [check.name, check.status]))
    assert.deepEqual(status, {
      chat_template: 'ok',
      eos: 'ok',
      prompt_length: 'ok',
      gold_answers: 'ok',
      adversarial_answers: 'ok',
      completion_length: status.completion_length!,
      pass_rate: 'warning',
      usable_groups: 'problem',
      time: 'ok',
      memory: 'ok',
    })
    assert.notEqual(status.completion_length, 'ok')
    assert.equal(report.passRate, 0)
    assert.ok(report.tokensPerSecond > 0 && report.secondsPerStep > 0 && report.memoryBytes > 1e7)
    assert.ok(Math.abs(report.runSeconds - 50 * report.secondsPerStep) < 1e-9)
    for (const { message, advice, status: each } of report.checks) {
      assert.ok(message.length > 10)
      assert.equal(advice === null, each === 'ok', message)
    }
    // Nothing was trained.
    assert.deepEqual(adapterValues(policy), before)
    assert.ok(seen.length > 2 && seen.every((tokens, i) => tokens >= (seen[i - 1] ?? 0)))
    assert.doesNotThrow(() => JSON.stringify(report))
  })

  it('samples by the rollout engine of the run, which need not tell how it goes on', async () => {
    const engine = fakeRollouts('exact')
    const rolloutEngine: RolloutEngine = {
      ...engine,
      generate: (prompts, sampling) => engine.generate(prompts, { ...sampling, onProgress: () => undefined }),
    }
    const { report, groups } = await preflight({ ...options(), rolloutEngine })
    assert.deepEqual(engine.synced, [0])
    assert.equal(groups.length, 20)
    assert.ok(report.tokensPerSecond > 0 && Number.isFinite(report.secondsPerStep))
  })

  it('stops at its time, and says what it could not measure', async () => {
    const memory = memoryInUse()
    const { report, groups } = await preflight({ ...options(), maxSeconds: 1e-9 })
    assert.deepEqual(groups, [])
    assert.deepEqual([report.passRate, report.usableGroups], [null, null])
    const unknown = report.checks.filter(({ message }) => message.startsWith('not measured'))
    assert.deepEqual(
      unknown.map(({ name, status }) => [name, status]),
      [
        ['completion_length', 'warning'],
        ['pass_rate', 'warning'],
        ['usable_groups', 'warning'],
      ],
    )
    // The speed was seen before the time was over, so the run's time is still foretold.
    assert.ok(report.tokensPerSecond > 0 && report.secondsPerStep > 0)
    assert.deepEqual(memoryInUse(), memory)
  })

  it('refuses options that no run can have, and prompts of which none fits', async () => {
    await assert.rejects(preflight({ ...options(), config: { numGenerations: 3 } }), ConfigError)
    await assert.rejects(
      preflight({ ...options(), config: { maxCompletionLength: 1024 } }),
      /leaves room for maxCompletionLength 1024 in the 1024 positions of the model; set it to \d+ or less/,
    )
  })

  it('can be stopped', async () => {
    await assert.rejects(preflight({ ...options(), signal: AbortSignal.abort(new Error('enough')) }), /enough/)
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { selectEngine } from '../../src/engine/registry.js'
import { GrpoError } from '../../src/errors.js'
import { commandRun, readRunStatus } from '../../src/run/control.js'
import type { StepProgress, TrainingStep } from '../../src/grpo/step.js'
import { readJsonLines } from '../../src/io/jsonLines.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { adapterValues, memoryInUse } from '../fixtures/policies.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { countOpenDescriptors } from '../io/temporaryFolder.js'
import { fractionOf, rewardOf, withPolicy, withoutTimes } from './tinyTask.js'

async function jsonLines(file: string): Promise<Record<string, unknown>[]> {
  const values: Record<string, unknown>[] = []
  for await (const { value } of readJsonLines(file)) values.push(value as Record<string, unknown>)
  return values
}

/** The values of the adapter that a run saved. */
function savedValues(base: CausalLM, outputDir: string): Float32Array[] {
  const saved = base.withAdapter(path.join(outputDir, 'adapter'))
  const values = adapterValues(saved)
  saved.dispose()
  return values
}

describe('trainer: loops, files and errors', () => {
  beforeEach(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('writes metrics.jsonl and completions.jsonl, over those of an earlier run', () =>
    withPolicy(async ({ trainerOf }) => {
      const outputDir = path.join(temporaryFolder(), 'runs', 'one')
      await trainerOf({ outputDir }).train()
      const rewards = [fractionOf(7), rewardOf(() => null, 'silent')]
      const steps = await trainerOf({ outputDir, rewards }, { maxSteps: 3, perDeviceTrainBatchSize: 8 }).train()
      const metrics = await jsonLines(path.join(outputDir, 'metrics.jsonl'))
      // NaN, the mean of nothing, is null in JSON.
      const expected = steps.map((step) => JSON.parse(JSON.stringify({ step: step.step, ...step.metrics })) as unknown)
      assert.deepEqual(metrics, expected)
      assert.equal(metrics[0]!['rewards/silent/mean'], null)

      const completions = await jsonLines(path.join(outputDir, 'completions.jsonl'))
      assert.equal(completions.length, 3 * 8)
      const first = steps[0]!.groups[0]!
      assert.deepEqual(completions[1], {
        step: 1,
        group: 0,
        problem: first.problem.id,
        prompt: first.promptText,
        completion: '',
        answer: first.problem.answer,
        rewards: { fraction: first.completions[1]!.reward, silent: null },
        correct: null,
        reward: first.completions[1]!.reward,
        advantage: first.completions[1]!.advantage,
        finish_reason: 'length',
        length: 5,
        // Without a tokenizer there are no texts.
        completion_ids: first.completions[1]!.ids,
        logprobs: first.completions[1]!.logProbs.map((value) => Number(value.toPrecision(4))),
      })
      assert.deepEqual(
        completions.map(({ step }) => step),
        [1, 2, 3].flatMap((step) => new Array<number>(8).fill(step)),
      )
    }))

  it('records the log-probabilities of the reference model where there is one', () =>
    withPolicy(async ({ trainerOf }) => {
      const outputDir = temporaryFolder()
      const [step] = await trainerOf({ outputDir }, { maxSteps: 1, beta: 0.1 }).train()
      const [line] = await jsonLines(path.join(outputDir, 'completions.jsonl'))
      const { ids, refLogProbs } = step!.groups[0]!.completions[0]!
      assert.equal(refLogProbs?.length, ids.length)
      assert.deepEqual(
        line!.ref_logprobs,
        refLogProbs.map((value) => Number(value.toPrecision(4))),
      )
    }))

  it('can be paused, resumed and stopped through its folder', () =>
    withPolicy(async ({ trainerOf }) => {
      const outputDir = temporaryFolder()
      const trainer = trainerOf({ outputDir }, { maxSteps: 1000, logCompletionTokens: false })
      const linesNow = async (): Promise<number> => (await jsonLines(path.join(outputDir, 'metrics.jsonl'))).length
      const stepNow = (): number => trainer.step
      const training = (async () => {
        for await (const { step } of trainer) {
          if (step === 2) assert.equal(commandRun(outputDir, 'pause'), true)
        }
      })()
      while (readRunStatus(outputDir).state !== 'paused') await setTimeout(20)
      assert.equal(stepNow(), 2)
      await setTimeout(400)
      assert.equal(await linesNow(), 2)
      commandRun(outputDir, 'resume')
      while (stepNow() < 3) await setTimeout(20)
      commandRun(outputDir, 'stop')
      await training
      assert.ok(stepNow() < 1000)
      assert.equal(await linesNow(), stepNow())
      assert.ok(fs.existsSync(path.join(outputDir, 'adapter', 'adapter_model.safetensors')))
      assert.equal(readRunStatus(outputDir).state, 'ended')
      const [completion] = await jsonLines(path.join(outputDir, 'completions.jsonl'))
      assert.ok(completion && !('logprobs' in completion))
    }))

  it('writes nothing without an output folder', () =>
    withPolicy(async ({ trainerOf }) => {
      const before = process.cwd()
      const folder = temporaryFolder()
      process.chdir(folder)
      try {
        await trainerOf({}, { maxSteps: 1 }).train()
      } finally {
        process.chdir(before)
      }
      assert.deepEqual(fs.readdirSync(folder), [])
    }))

  it('can be left after any step, and a later loop goes on as if it had not been', async () => {
    const run = async (stopAfter: readonly number[]): Promise<unknown> => {
      let result: unknown
      await withPolicy(async ({ base, policy, trainerOf }) => {
        const outputDir = temporaryFolder()
        const steps: TrainingStep[] = []
        const trainer = trainerOf({ outputDir }, { stepsPerGeneration: 2, numIterations: 2 })
        for (const last of [...stopAfter, Infinity]) {
          for await (const step of trainer) {
            steps.push(step)
            if (step.step === last) break
          }
          assert.deepEqual(savedValues(base, outputDir), adapterValues(policy))
          assert.equal(countOpenDescriptors(outputDir), 0)
        }
        assert.equal(steps.length, 6)
        assert.deepEqual(await trainer.train(), [])
        const lines = await jsonLines(path.join(outputDir, 'metrics.jsonl'))
        assert.deepEqual(
          lines.map(({ step }) => step),
          [1, 2, 3, 4, 5, 6],
        )
        assert.equal((await jsonLines(path.join(outputDir, 'completions.jsonl'))).length, 2 * 8)
        result = { steps: withoutTimes(steps), adapter: adapterValues(policy) }
      })
      return result
    }
    const straight = await run([])
    assert.deepEqual(await run([1, 2, 5]), straight)
    assert.deepEqual(await run([6]), straight)
  })

  it('saves the adapter when the body of the loop throws', () =>
    withPolicy(async ({ base, policy, trainerOf }) => {
      const outputDir = temporaryFolder()
      const running = (async () => {
        for await (const { step } of trainerOf({ outputDir })) if (step === 2) throw new Error('of the caller')
      })()
      await assert.rejects(running, /of the caller/)
      assert.deepEqual(savedValues(base, outputDir), adapterValues(policy))
    }))

  it('reports its progress in order', () =>
    withPolicy(async ({ trainerOf }) => {
      const progress: StepProgress[] = []
      const options = { onProgress: (each: StepProgress) => progress.push(each) }
      await trainerOf(options, { maxSteps: 1, gradientAccumulationSteps: 2, maxCompletionLength: 3 }).train()
      assert.deepEqual(progress, [
        ...[8, 16, 24].map((done) => ({ phase: 'sampling', done })),
        ...[0, 1].map((done) => ({ phase: 'training', done })),
      ])
    }))

  describe('aborted', () => {
    it('in the middle of sampling, ends at once with the adapter of the last step', () =>
      withPolicy(async ({ base, policy, trainerOf }) => {
        const outputDir = temporaryFolder()
        const controller = new AbortController()
        const states: Float32Array[][] = []
        let samplingCalls = 0
        const trainer = trainerOf({
          outputDir,
          signal: controller.signal,
          onProgress: ({ phase }) => {
            // Five calls a step: the second token of the third step.
            if (phase === 'sampling' && ++samplingCalls === 12) controller.abort()
          },
        })
        for await (const { step } of trainer) {
          states.push(adapterValues(policy))
          assert.equal(step, states.length)
        }
        assert.equal(samplingCalls, 12)
        assert.equal(states.length, 2)
        assert.deepEqual(adapterValues(policy), states[1])
        assert.deepEqual(savedValues(base, outputDir), states[1])
        assert.equal((await jsonLines(path.join(outputDir, 'metrics.jsonl'))).length, 2)
        assert.deepEqual(await trainer.train(), [])
      }))

    it('by a timer, ends without waiting for the step', () =>
      withPolicy(async ({ trainerOf }) => {
        const controller = new AbortController()
        const trainer = trainerOf({ signal: controller.signal }, { maxSteps: 100_000 })
        const [steps] = await Promise.all([
          trainer.train(),
          setTimeout(30).then(() => {
            controller.abort()
          }),
        ])
        assert.ok(steps.length < 1000)
      }))

    it('in training, finishes the step', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        const controller = new AbortController()
        const before = adapterValues(policy)
        const trainer = trainerOf(
          {
            signal: controller.signal,
            onProgress: ({ phase, done }) => {
              if (phase === 'training' && done === 1) controller.abort()
            },
          },
          { gradientAccumulationSteps: 3, numGenerations: 12 },
        )
        assert.equal((await trainer.train()).length, 1)
        assert.notDeepEqual(adapterValues(policy), before)
      }))

    it('between steps, starts no other; before the first, nothing', () =>
      withPolicy(async ({ base, policy, trainerOf }) => {
        const controller = new AbortController()
        const steps: TrainingStep[] = []
        for await (const step of trainerOf({ signal: controller.signal })) {
          steps.push(step)
          if (step.step === 2) controller.abort()
        }
        assert.equal(steps.length, 2)
        const outputDir = temporaryFolder()
        assert.deepEqual(await trainerOf({ outputDir, signal: AbortSignal.abort() }).train(), [])
        assert.deepEqual(savedValues(base, outputDir), adapterValues(policy))
      }))
  })

  describe('rewards', () => {
    it('may be promises, and null for what they do not judge', () =>
      withPolicy(async ({ trainerOf }) => {
        const slow = rewardOf(async ({ ids }) => {
          await setTimeout(Math.random())
          return ids[0]! % 2
        }, 'slow')
        const some = rewardOf(({ ids }) => (ids[0]! % 2 === 0 ? null : 1), 'some')
        const [step] = await trainerOf(
          { rewards: [slow, some] },
          { maxSteps: 1, rewardWeights: [1, 0.5], numGenerations: 8, perDeviceTrainBatchSize: 8 },
        ).train()
        const { completions } = step!.groups[0]!
        for (const { ids, rewards, reward } of completions) {
          const isOdd = ids[0]! % 2 === 1
          assert.deepEqual(rewards, { slow: isOdd ? 1 : 0, some: isOdd ? 1 : null })
          assert.equal(reward, isOdd ? 1.5 : 0)
        }
        assert.equal(step!.metrics['rewards/some/mean'], 1)
        assert.equal(step!.metrics['rewards/slow/mean'], completions.filter(({ ids }) => ids[0]! % 2 === 1).length / 8)
      }))

    it('that judge nothing at all end the run before anything changes', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        const before = adapterValues(policy)
        const training = trainerOf({ rewards: [rewardOf(() => null)] }, { maxSteps: 2 }).train()
        await assert.rejects(training, /no reward function judges any of \d+ completions: 'fraction' returned null/)
        assert.deepEqual(adapterValues(policy), before)
      }))

    const wrong: [string, () => unknown, RegExp][] = [
      [
        'throw',
        () => {
          throw new Error('no solution')
        },
        /reward function 'fraction' failed on a completion of problem tiny\/\d: no solution/,
      ],
      [
        'throw a string',
        () => {
          throw 'in words' as unknown as Error
        },
        /'fraction' failed on a completion of problem tiny\/\d: in words/,
      ],
      [
        'reject',
        () => Promise.reject(new Error('timed out')),
        /'fraction' failed on a completion of problem tiny\/\d: timed out/,
      ],
      [
        'return NaN',
        () => NaN,
        /'fraction' returned NaN for a completion of problem tiny\/\d; expected a number between -1e\+30 and 1e\+30/,
      ],
      ['return Infinity', () => Infinity, /returned Infinity/],
      ['return nothing', () => undefined, /returned undefined/],
      ['return a string', () => '1', /returned '1' for/],
      ['promise NaN', () => Promise.resolve(NaN), /returned NaN/],
    ]
    for (const [what, score, message] of wrong) {
      it(`that ${what} end the run with an error that names them`, () =>
        withPolicy(async ({ base, policy, trainerOf }) => {
          const outputDir = temporaryFolder()
          let calls = 0
          // The first step goes well.
          const reward = rewardOf((input) => (calls++ < 4 ? fractionOf(7).score(input) : score()))
          const trainer = trainerOf({ outputDir, rewards: [reward] })
          let steps = 0
          const running = (async () => {
            for await (const { step } of trainer) steps = step
          })()
          await assert.rejects(running, (error) => error instanceof GrpoError && message.test(error.message))
          assert.equal(steps, 1)
          assert.deepEqual(savedValues(base, outputDir), adapterValues(policy))
        }))
    }

    it('that fail once do not spoil the step after it', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        let calls = 0
        // Four calls a micro-batch. The first one would change the adapter, the second fails, those after it are all alike.
        const reward = rewardOf(() => {
          calls++
          if (calls === 7) throw new Error('once')
          return calls <= 4 ? calls : 0.5
        })
        const config = { gradientAccumulationSteps: 2, stepsPerGeneration: 1, maxSteps: 2 }
        const trainer = trainerOf({ rewards: [reward] }, config)
        const before = adapterValues(policy)
        await assert.rejects(trainer.train(), /once/)
        assert.deepEqual(adapterValues(policy), before)
        const used = memoryInUse()
        const steps = await trainer.train()
        assert.deepEqual(
          steps.map(({ step, metrics, groups }) => [step, metrics.grad_norm, groups.length]),
          [
            [1, 0, 2],
            [2, 0, 2],
          ],
        )
        assert.deepEqual(adapterValues(policy), before)
        assert.deepEqual(memoryInUse().tensors, used.tensors)
      }))
  })

  describe('gradients that are not finite', () => {
    /** A reward that may be given; its weight makes it too large for float32. */
    const tooLarge = 1e30
    const config = {
      stepsPerGeneration: 1,
      gradientAccumulationSteps: 1,
      maxSteps: 6,
      scaleRewards: 'none' as const,
      rewardWeights: [1e9],
      saveSteps: 1,
    }

    it('change nothing, and are counted', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        let calls = 0
        // Four completions a step: the third and fourth steps are spoilt.
        const reward = rewardOf(() => ([10, 15].includes(++calls) ? tooLarge : (calls % 3) * 1e-9))
        const outputDir = temporaryFolder()
        const states: Float32Array[][] = []
        const skipped: number[] = []
        const checkpoints: string[][] = []
        for await (const { metrics } of trainerOf(
          { outputDir, rewards: [reward] },
          { ...config, saveTotalLimit: null },
        )) {
          states.push(adapterValues(policy))
          skipped.push(metrics.skipped_steps)
          checkpoints.push(fs.readdirSync(path.join(outputDir, 'checkpoints')))
        }
        assert.deepEqual(skipped, [0, 0, 1, 2, 2, 2])
        assert.deepEqual(states[3], states[1])
        assert.notDeepEqual(states[4], states[3])
        // No checkpoint of a step that was skipped.
        assert.deepEqual(checkpoints[3], ['step-1', 'step-2'])
        assert.deepEqual(checkpoints[5], ['step-1', 'step-2', 'step-5', 'step-6'])
      }))

    it('three times in a row end the run, with the last good checkpoint', () =>
      withPolicy(async ({ base, policy, trainerOf }) => {
        const outputDir = temporaryFolder()
        let calls = 0
        let isBroken = true
        const reward = rewardOf(() => (++calls > 8 && isBroken ? (calls % 2) * tooLarge : (calls % 3) * 1e-9))
        const options = { outputDir, rewards: [reward] }
        const trainer = trainerOf(options, { ...config, saveSteps: 100 })
        const steps: TrainingStep[] = []
        const running = (async () => {
          for await (const step of trainer) steps.push(step)
        })()
        await assert.rejects(running, /gradients of 3 optimizer steps in a row were not finite numbers.*after step 2/s)
        assert.deepEqual(fs.readdirSync(path.join(outputDir, 'checkpoints')), ['step-2'])
        assert.deepEqual(savedValues(base, outputDir), adapterValues(policy))
        assert.equal(trainer.step, 2)
        isBroken = false
        const rest = await trainer.train()
        assert.deepEqual(
          rest.map(({ step, metrics }) => [step, metrics.skipped_steps]),
          [3, 4, 5, 6].map((step) => [step, 0]),
        )
        const lines = await jsonLines(path.join(outputDir, 'metrics.jsonl'))
        assert.deepEqual(
          lines.map(({ step }) => step),
          [1, 2, 3, 4, 5, 6],
        )
      }))
  })
})

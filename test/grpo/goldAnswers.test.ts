import assert from 'node:assert/strict'
import { DataError } from '../../src/errors.js'
import { correctness, format, gate, partialCredit, weightedSum } from '../../src/rewards/index.js'
import type { RewardFunction } from '../../src/rewards/reward.js'
import { tinyTask, withPolicy } from './tinyTask.js'

describe('gold answers of a run', () => {
  const good = tinyTask(8)
  const bad = {
    ...good,
    problems: good.problems.map((problem, i) => (i % 4 === 1 ? { ...problem, answer: 'N/A' } : problem)),
  }

  it('are refused when it begins, counted and named, where a reward asks their grader', () =>
    withPolicy(({ trainerOf }) => {
      const asking: RewardFunction[] = [
        correctness(),
        partialCredit(),
        gate(format(), { when: correctness() }),
        weightedSum([format(), correctness()]),
      ]
      for (const reward of asking) {
        assert.throws(
          () => trainerOf({ task: bad, rewards: [reward] }),
          (error) =>
            error instanceof DataError &&
            error.message.startsWith(
              "2 of 8 problems of task tiny cannot be graded: tiny/1 has the answer 'N/A', but only numbers can be graded; tiny/5 ",
            ),
          reward.name,
        )
        assert.throws(() => trainerOf({ evalTask: bad, rewards: [reward] }), DataError)
        trainerOf({ task: good, rewards: [reward] })
      }
      trainerOf({ task: bad, rewards: [format()] })
      return Promise.resolve()
    }))

  it('of which a grader fails in the middle of a run cost their completions, not the run, and are told once', () =>
    withPolicy(async ({ trainerOf }) => {
      const failing = {
        ...good,
        problems: good.problems.map((problem, i) => ({
          ...problem,
          grader: () => {
            if (i === 1) throw new Error('no gold answer')
            return { correct: true, correctLenient: true, extracted: null }
          },
        })),
      }
      const warnings: string[] = []
      const onWarning = (message: string): number => warnings.push(message)
      const options = { task: failing, rewards: [correctness(), format()], onWarning }
      const steps = await trainerOf(options, { maxSteps: 4, perDeviceTrainBatchSize: 16 }).train()
      assert.equal(steps.length, 4)
      const errors = steps.map(({ metrics }) => metrics['rewards/correctness/grading_errors'] ?? 0)
      assert.deepEqual([...new Set(errors)].sort(), [0, 4])
      const judged = steps.flatMap(({ groups }) => groups).filter(({ problem }) => problem.id === 'tiny/1')
      assert.ok(judged.every(({ completions }) => completions.every(({ correct }) => correct === null)))
      assert.deepEqual(warnings, ['a completion is not judged: the grader failed: problem tiny/1: no gold answer'])
    }))
})

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
})

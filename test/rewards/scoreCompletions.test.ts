import assert from 'node:assert/strict'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ConfigError, GrpoError } from '../../src/errors.js'
import type { Reward, RewardFunction, RewardSample } from '../../src/rewards/reward.js'
import { asRewardFunction, rewardFunction } from '../../src/rewards/rewardCallback.js'
import type { Grader } from '../../src/grading/problem.js'
import { correctness, partialCredit } from '../../src/rewards/index.js'
import { scoreCompletions } from '../../src/rewards/scoreCompletions.js'
import type { Scores } from '../../src/rewards/scoreCompletions.js'
import { workerReward } from '../../src/rewards/workerReward.js'

const modules = path.resolve(import.meta.dirname, '../fixtures/modules')

function inputOf(id: string, completion = 'four', ids: readonly number[] = [1, 2]): RewardSample {
  const problem = {
    id,
    question: '2 + 2',
    answer: '4',
    grader: () => ({ correct: true, correctLenient: true, extracted: null }),
  }
  return { prompt: '2 + 2 =', completion, answer: '4', ids, meta: { problem, finishReason: 'stop' } }
}

function score(rewards: readonly Reward[], inputs: readonly RewardSample[], signal?: AbortSignal): Promise<Scores> {
  return scoreCompletions(rewards.map(asRewardFunction), inputs, signal)
}

describe('rewards as functions', () => {
  it('refuses a reward that overflows by its weight', async () => {
    const reward = rewardFunction(() => 10, { name: 'own', weight: 1e308 })
    await assert.rejects(
      score([reward], [inputOf('a')]),
      /'own' returned 10, which times its weight 1e\+308 .* overflows/,
    )
  })

  it('may be plain, asynchronous or batched, and get prompt, completion, answer, ids and meta', async () => {
    const seen: RewardSample[] = []
    function isFour(sample: RewardSample): number {
      seen.push(sample)
      return sample.completion === 'four' ? 1 : 0
    }
    const later = async ({ ids }: RewardSample): Promise<number | null> => {
      await setTimeout(1)
      return ids.length > 2 ? null : ids.length
    }
    const batched = rewardFunction((samples) => samples.map((_, i) => i), { name: 'place', weight: 0.5, batched: true })
    const inputs = [inputOf('a'), inputOf('b', 'five', [1, 2, 3])]
    const { values, metrics } = await score([isFour, later, batched], inputs)
    assert.deepEqual(values, [
      [1, 2, 0],
      [0, null, 1],
    ])
    assert.deepEqual(metrics, {})
    const { meta } = inputs[0]!
    const sample = { prompt: '2 + 2 =', completion: 'four', answer: '4', ids: [1, 2] }
    assert.deepEqual(seen[0], { ...sample, meta })
    assert.deepEqual([asRewardFunction(isFour).name, batched.name, batched.weight], ['isFour', 'place', 0.5])
    assert.equal(await batched.score(inputs[1]!), 0)
  })

  it('that take too long give null, and are counted', async () => {
    const slow = rewardFunction(({ ids }) => setTimeout(ids.length === 2 ? 0 : 10_000, 1, { ref: false }), {
      name: 'slow',
      timeout: 30,
    })
    const stuck = rewardFunction(() => new Promise<number[]>(() => undefined), {
      name: 'stuck',
      timeout: 30,
      batched: true,
    })
    const inputs = [inputOf('a'), inputOf('b', 'five', [1, 2, 3]), inputOf('c')]
    const { values, metrics } = await score([slow, stuck], inputs)
    assert.deepEqual(values, [
      [1, null],
      [null, null],
      [1, null],
    ])
    assert.deepEqual(metrics, { 'rewards/slow/timeouts': 1, 'rewards/stuck/timeouts': 3 })
  })

  it('are not waited for once the run is aborted', async () => {
    const controller = new AbortController()
    const running = score(
      [rewardFunction(() => new Promise(() => undefined), { name: 'stuck' })],
      [inputOf('a')],
      controller.signal,
    )
    controller.abort(new Error('Ctrl-C'))
    await assert.rejects(running, /Ctrl-C/)
  })

  it('make no warning of a leak where many are waited for', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error): void => {
      warnings.push(warning)
    }
    process.on('warning', listen)
    const later = rewardFunction(() => setTimeout(1, 1), { name: 'later' })
    const inputs = Array.from({ length: 64 }, (_, i) => inputOf(String(i)))
    await score([later], inputs, new AbortController().signal)
    await setTimeout(5)
    process.removeListener('warning', listen)
    assert.deepEqual(warnings, [])
  })

  it('that return something else end in an error that names them', async () => {
    const cases: [unknown, RegExp][] = [
      [
        () => 'right',
        /'own' returned 'right' for a completion of problem a; expected a number between -1e\+30 and 1e\+30 .*or null/,
      ],
      [() => undefined, /'own' returned undefined/],
      [() => NaN, /'own' returned NaN/],
      [() => true, /'own' returned true/],
      [() => '1', /'own' returned '1'/],
      [() => 1e308, /'own' returned 1e\+308 .*larger ones overflow/],
      [() => -1e200, /'own' returned -1e\+200 .*larger ones overflow/],
      [() => null, /no reward function judges any of 1 completions: 'own' returned null/],
      [
        () => {
          throw new Error('x'.repeat(10_000_000))
        },
        /^[^]{0,2000}$/,
      ],
      [
        () => {
          throw new Error('broken')
        },
        /'own' failed on a completion of problem a: broken/,
      ],
    ]
    for (const [reward, message] of cases) {
      const own = rewardFunction(reward as () => number, { name: 'own' })
      await assert.rejects(
        score([own], [inputOf('a')]),
        (error) => error instanceof GrpoError && message.test(error.message),
      )
    }
    const batches: [unknown, RegExp][] = [
      [() => [1], /'own' returned 1 values for a batch of 2 completions; expected one for each/],
      [() => 1, /'own' returned 1 for a batch/],
      [() => Object.assign(new Array<number>(2), { 1: 1 }), /'own' returned undefined for a completion of problem a/],
      [() => [1, '1'], /'own' returned '1' for a completion of problem b/],
      [() => Promise.reject(new Error('offline')), /'own' failed on a batch of 2 completions: offline/],
    ]
    for (const [reward, message] of batches) {
      const own = rewardFunction(reward as () => number[], { name: 'own', batched: true })
      await assert.rejects(score([own], [inputOf('a'), inputOf('b')]), message)
    }
  })

  it('do not judge a completion whose grader fails, which costs neither the others nor the run', async () => {
    const failing = (id: string, grader: Grader): RewardSample => {
      const sample = inputOf(id)
      return { ...sample, meta: { ...sample.meta, problem: { ...sample.meta.problem, grader } } }
    }
    const samples = [
      failing('a', () => {
        throw new Error('no gold answer')
      }),
      inputOf('b'),
      failing('c', () => Promise.reject(new Error('offline'))),
      { ...inputOf('d'), meta: { ...inputOf('d').meta, problem: { id: 'd', question: 'Q', answer: 'a knave' } } },
    ]
    const judges = [correctness(), partialCredit(), rewardFunction(() => 0.5, { name: 'own' })]
    const { values, metrics, gradingErrors } = await score(judges, samples)
    assert.deepEqual(values, [
      [null, null, 0.5],
      [1, 1, 0.5],
      [null, null, 0.5],
      [null, null, 0.5],
    ])
    assert.deepEqual(metrics, { 'rewards/correctness/grading_errors': 3, 'rewards/partial_credit/grading_errors': 3 })
    assert.deepEqual(gradingErrors, [
      'the grader failed: problem a: no gold answer',
      'the grader failed: problem c: offline',
      "the grader failed: problem d has the answer 'a knave', but only numbers can be graded",
    ])
    // One problem that cannot be graded may be a whole batch; several are no accident.
    assert.deepEqual((await score([correctness()], [samples[0]!, samples[0]!])).values, [[null], [null]])
    await assert.rejects(
      score([correctness()], [samples[0]!, samples[2]!]),
      /'correctness' failed on all 2 completions of 2 problems: the grader failed: problem a: no gold answer/,
    )
    const refused = failing('e', () => Promise.reject(new ConfigError('Python is not allowed')))
    await assert.rejects(score([correctness()], [refused, inputOf('b')]), /failed on .* e: Python is not allowed/)
  })

  it('are refused without a name, with a weight or a time limit that is none, and when they are none', () => {
    assert.throws(() => asRewardFunction(() => 1), ConfigError)
    assert.throws(() => rewardFunction(() => 1, { name: 'one', weight: NaN }), ConfigError)
    for (const timeout of [0, -1, NaN, Infinity]) {
      assert.throws(() => rewardFunction(() => 1, { name: 'one', timeout }), /timeout of the one reward is/)
    }
    for (const none of [null, 7, {}, { name: 'x' }]) assert.throws(() => asRewardFunction(none as never), ConfigError)
  })

  it('run in a thread of their own, which is replaced when it hangs', async () => {
    const rewardWithin = (timeout: number): RewardFunction =>
      workerReward(path.join(modules, 'length-reward.mjs'), { timeout, weight: 2 })
    const hanging = ['a', 'nothing', 'hang', 'b'].map((id) => inputOf(id))
    let timeout = 250
    let scored = await score([rewardWithin(timeout)], hanging)
    // On a busy machine what does not hang may take too long as well.
    while ((scored.metrics['rewards/length-reward/timeouts'] ?? 0) > 1) {
      timeout *= 8
      scored = await score([rewardWithin(timeout)], hanging)
    }
    assert.deepEqual(scored.values, [[2.25], [null], [null], [2.25]])
    assert.deepEqual(scored.metrics, { 'rewards/length-reward/timeouts': 1 })
    const reward = rewardWithin(600_000)
    assert.deepEqual([reward.name, reward.weight], ['length-reward', 2])
    await assert.rejects(
      score([reward], [inputOf('throw')]),
      /'length-reward' failed on .* throw: cannot judge 2 \+ 2 =/,
    )
    await assert.rejects(
      score([reward], [inputOf('exit')]),
      /'length-reward' failed on .* exit: the thread of .* ended with code 3/,
    )
    const missing = workerReward(path.join(modules, 'length-reward.mjs'), { exportName: 'missing' })
    await assert.rejects(score([missing], [inputOf('a')]), /exports no function missing; it exports default, finished/)
    const none = workerReward(path.join(modules, 'none.mjs'))
    await assert.rejects(score([none], [inputOf('a')]), /none\.mjs/)
  })
})

import assert from 'node:assert/strict'
import path from 'node:path'
import { ConfigError } from '../../src/errors.js'
import { checkReward, loadReward, loadRewards, rewardNames } from '../../src/rewards/loadReward.js'
import type { RewardSpec } from '../../src/rewards/loadReward.js'
import { rewardOf } from './rewardOf.js'
import type { RewardSample } from '../../src/rewards/reward.js'

const module = path.relative('', path.resolve(import.meta.dirname, '../fixtures/modules/length-reward.mjs'))

const input: RewardSample = {
  prompt: '2 + 2 =',
  completion: '<think>x</think><answer>4</answer>',
  answer: '4',
  ids: [1, 2, 3],
  meta: { problem: { id: 'a', question: '2 + 2', answer: '4' }, finishReason: 'stop' },
}

describe('loadReward', () => {
  it('finds rewards by name, with weight and options, as text and as in YAML', async () => {
    const cases: [RewardSpec, string, number, number | null][] = [
      ['correctness', 'correctness', 1, 1],
      ['format:0.2', 'format', 0.2, 1],
      ['format:0.2?style=gsm8k', 'format', 0.2, 0],
      ['format:-0.5?style=think', 'format', -0.5, 1],
      ['format?style=think&timeout=100', 'format', 1, 1],
      [{ name: 'format', style: 'think', weight: 2 }, 'format', 2, 1],
      ['soft_overlong?maxCompletionLength=4&softPunishCache=2', 'soft_overlong', 1, -0.5],
      [{ name: 'soft_overlong', max_completion_length: 2 }, 'soft_overlong', 1, -1],
      [module, 'length-reward', 1, 3 + 1 / 34],
      [`./${module}:0.5?export=finished&as=done`, 'done', 0.5, 1],
      [`${module}?export=whole`, 'whole', 3, 3],
      [{ name: module, export: 'whole', weight: 1, as: 'all' }, 'all', 1, 3],
    ]
    for (const [spec, name, weight, value] of cases) {
      checkReward(spec)
      const reward = await loadReward(spec)
      assert.deepEqual(
        [reward.name, reward.weight, await reward.score(input)],
        [name, weight, value],
        JSON.stringify(spec),
      )
    }
    assert.equal((await loadReward('format?timeout=100')).timeout, 100)
    assert.equal(await (await loadReward('soft_overlong', { maxCompletionLength: 3 })).score(input), -1)
  })

  it('refuses what it does not know, and says what it does', async () => {
    const cases: [unknown, RegExp][] = [
      [
        'correct',
        new RegExp(
          `unknown reward 'correct' \\(did you mean correctness\\?\\); known rewards: ${rewardNames.join(', ')}`,
        ),
      ],
      ['format:x', /weight in the reward 'format:x' is 'x'/],
      ['format?stile=think', /options of the reward format:\n {2}unknown option stile; did you mean style\?/],
      ['format?style=gsm8k&style=think', /has style twice/],
      [
        'partial_credit?step_credit=much&lenient_credit=x',
        /lenientCredit: expected a number, got 'x'.*\n {2}stepCredit: expected a number, got 'much'/,
      ],
      ['language_consistency?script=Klingon', /script: expected a script of Unicode.*got 'Klingon'/],
      [
        'random?rate=1.5e0&seed=.5',
        /rate: expected a number of at most 1, got 1\.5.*\n {2}seed: expected a whole number, got 0\.5/,
      ],
      ['random?rate=2', /rate: expected a number of at most 1, got 2/],
      [
        `${module}?worker=maybe&judges=all`,
        /worker: expected true or false, got 'maybe'.*\n {2}judges: expected correctness, got 'all'/,
      ],
      ['format?style=x', /style: expected one of gsm8k, .*, got 'x'/],
      ['format?timeout=0', /timeout: expected a number above 0, got 0/],
      [{ weight: 1 }, /expected a name such as format:0\.2/],
      [7, /a reward is 7/],
      ['./missing.mjs', /missing\.mjs does not exist/],
      [`${module}?export=wrong`, /exports 7 as wrong; expected a function of a completion/],
      [`${module}?export=whole&worker=true`, /only a plain function can run in a thread/],
      [`${module}?style=think`, /unknown option style; did you mean/],
    ]
    for (const [spec, message] of cases) {
      await assert.rejects(
        async () => loadReward(spec as RewardSpec),
        (error) => error instanceof ConfigError && message.test(error.message),
        String(spec),
      )
    }
    await assert.rejects(loadRewards(['format', 'format:2']), /the reward format is there twice/)
  })

  it('takes an option by its snake_case name in place of the value of the run', async () => {
    const [reward] = await loadRewards([{ name: 'soft_overlong', max_completion_length: 4, soft_punish_cache: 2 }], {
      maxCompletionLength: 100,
    })
    assert.equal(await rewardOf(reward!, '', { tokens: 3 }), -0.5)
    assert.equal(await rewardOf(reward!, '', { tokens: 5 }), -1)
  })
})

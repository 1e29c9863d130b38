import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { loadModelTokenizer } from '../../../src/policy/modelTokenizer.js'
import { HttpError } from '../../../src/server/http/httpError.js'
import { parseRewardsRequest, rewardedTask, samplesOf } from '../../../src/server/rewards/rewardsRequest.js'
import type { RewardedTask } from '../../../src/server/rewards/rewardsRequest.js'
import type { ScoringSample } from '../../../src/server/rewards/scoringJob.js'
import { loadTask } from '../../../src/tasks/loadTask.js'
import { writeTinyModel } from '../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'

describe('server/rewards/rewardsRequest', () => {
  const inFolder = useTemporaryFolder()
  let rewarded: RewardedTask
  let id = ''
  beforeEach(async () => {
    const task = await loadTask('word-problems', { limit: 3 })
    rewarded = rewardedTask(task, await loadModelTokenizer(writeTinyModel(inFolder('model'))))
    id = task.problems[0]!.id
  })

  const samples = async (body: unknown): Promise<ScoringSample[]> => samplesOf(parseRewardsRequest(body), rewarded)

  async function assertRefused(body: unknown, message: RegExp): Promise<void> {
    await assert.rejects(samples(body), (error) => {
      assert.ok(error instanceof HttpError)
      assert.equal(error.status, 400)
      assert.match(error.message, message)
      assert.ok(!error.message.includes('secret'), error.message)
      return true
    })
  }

  it('refuses what is wrong, and names the field and the place but no contents', async () => {
    const one = { problem_ids: [id], completions: ['x'] }
    const wrong: [unknown, RegExp][] = [
      [null, /^the body is null; expected an object/],
      [[], /^the body is a list; expected an object/],
      ['secret', /^the body is a text/],
      [{}, /^problem_ids is missing/],
      [{ problem_ids: [id] }, /^completions and completion_ids are missing/],
      [{ ...one, completion: [] }, /^the body has an unknown field 'completion'; expected problem_ids, completions,/],
      [{ ...one, ['a secret one']: [] }, /^the body has an unknown field; expected/],
      [{ problem_ids: 'secret', completions: ['x'] }, /^problem_ids is a text; expected a list/],
      [{ problem_ids: { length: 1 }, completions: ['x'] }, /^problem_ids is an object; expected a list/],
      [{ problem_ids: [7], completions: ['x'] }, /^problem_ids\[0\] is a number; expected a text/],
      [
        { problem_ids: ['secret'], completions: ['x'] },
        /^problem_ids\[0\] is none of the 3 problems of task word-problems, with ids such as 'word-problems\/standard\/[^']+';/,
      ],
      [{ problem_ids: [id, '__proto__'], completions: ['x', 'x'] }, /^problem_ids\[1\] is none of the 3/],
      [{ problem_ids: [id, id], completions: ['x'] }, /^completions has 1 values and problem_ids 2/],
      [{ problem_ids: [id], completions: [['secret']] }, /^completions\[0\] is a list; expected a text/],
      [{ ...one, completion_ids: [[1], [2]] }, /^completion_ids has 2 values and problem_ids 1/],
      [{ ...one, completion_ids: [5] }, /^completion_ids\[0\] is a number; expected a list of tokens/],
      [{ ...one, completion_ids: [[1, 2, -1]] }, /^completion_ids\[0\]\[2\] is a number; expected the id of a token/],
      [{ ...one, completion_ids: [[1.5]] }, /^completion_ids\[0\]\[0\]/],
      [{ ...one, completion_ids: [[1e300]] }, /^completion_ids\[0\]\[0\]/],
      [{ ...one, completion_ids: [['secret']] }, /^completion_ids\[0\]\[0\] is a text/],
      [{ ...one, finish_reasons: ['eos'] }, /^finish_reasons\[0\] is a text; expected 'stop' or 'length'/],
      [{ ...one, finish_reasons: [null] }, /^finish_reasons\[0\] is null/],
      [{ ...one, prompts: [true] }, /^prompts\[0\] is true or false; expected a text/],
    ]
    for (const [body, message] of wrong) await assertRefused(body, message)
  })

  it('takes empty batches, and null for fields that are not given', async () => {
    assert.deepEqual(await samples({ problem_ids: [], completions: [] }), [])
    assert.deepEqual(await samples({ problem_ids: [], completion_ids: [] }), [])
    const [sample] = await samples({ problem_ids: [id], completions: ['x'], prompts: null, finish_reasons: null })
    assert.equal(sample!.prompt, rewarded.promptOf(id))
  })

  it('works out how completions ended from their tokens', async () => {
    const { eosTokenIds } = rewarded
    assert.equal(eosTokenIds.length, 2)
    const ends = async (ids: number[] | undefined, reason?: string): Promise<string> => {
      const body = { problem_ids: [id], completions: ['x'], ...(ids && { completion_ids: [ids] }) }
      return (await samples({ ...body, ...(reason && { finish_reasons: [reason] }) }))[0]!.finishReason
    }
    assert.equal(await ends(undefined), 'stop')
    assert.equal(await ends([]), 'stop')
    assert.equal(await ends([5, eosTokenIds[0]!]), 'stop')
    assert.equal(await ends([5, eosTokenIds[1]!]), 'stop')
    assert.equal(await ends([eosTokenIds[0]!, 5]), 'length')
    assert.equal(await ends([5], 'stop'), 'stop')
    assert.equal(await ends([eosTokenIds[0]!], 'length'), 'length')
  })

  it('decodes tokens as our own completions are: without special ones, and without those that stand for nothing', async () => {
    const tokenizer = rewarded.tokenizer!
    const text = 'It is 4.\n'
    const ids = [...tokenizer.encode(text), ...tokenizer.encode('<|im_end|>')]
    const [sample] = await samples({
      problem_ids: [id],
      completion_ids: [[tokenizer.bosTokenId, ...ids, 351, 999_999_999]],
    })
    assert.equal(sample!.completion, text)
    const [given] = await samples({ problem_ids: [id], completions: ['as sent'], completion_ids: [ids] })
    assert.deepEqual([given!.completion, given!.ids], ['as sent', ids])
  })

  it('needs texts where the model has no tokenizer', async () => {
    const bare = await loadModelTokenizer(writeTinyModel(inFolder('bare'), {}, { tokenizer: false }))
    rewarded = rewardedTask(await loadTask('word-problems', { limit: 3 }), bare)
    await assertRefused({ problem_ids: [id], completion_ids: [[1]] }, /^the model has no tokenizer/)
    assert.equal((await samples({ problem_ids: [id], completions: ['x'] })).length, 1)
    assert.ok(!fs.existsSync(path.join(inFolder('bare'), 'tokenizer.json')))
  })
})

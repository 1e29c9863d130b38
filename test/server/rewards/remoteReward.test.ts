import assert from 'node:assert/strict'
import { HttpError } from '../../../src/server/http/httpError.js'
import { parseRemoteRequest, remoteRewards } from '../../../src/server/rewards/remoteReward.js'
import { rewardedTask } from '../../../src/server/rewards/rewardsRequest.js'
import type { RewardedTask } from '../../../src/server/rewards/rewardsRequest.js'
import { loadTask } from '../../../src/tasks/loadTask.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { FIXTURE } from '../../text/fixture.js'

/** What a model with a tokenizer is asked, and what OpenRLHF makes of what it answers. */
describe('server/rewards/remoteReward', () => {
  for (const [name, folder] of Object.entries(FIXTURE)) {
    describe(`with the tokenizer ${name}`, () => {
      const tokenizer = Tokenizer.load(folder)
      const [eos] = tokenizer.eosTokenIds
      let rewarded: RewardedTask
      let label = ''
      let prompt = ''
      let promptIds: readonly number[] = []
      before(async () => {
        const task = await loadTask('word-problems', { limit: 2 })
        rewarded = rewardedTask(task, { tokenizer, eosTokenIds: tokenizer.eosTokenIds })
        label = task.problems[0]!.id
        ;({ text: prompt, ids: promptIds } = task.prompt(task.problems[0]!, tokenizer))
      })

      /** As OpenRLHF decodes prompt and completion: with special tokens. */
      const queryOf = (ids: readonly number[], before: readonly number[] = []): string =>
        tokenizer.decode([...before, ...promptIds, ...ids])
      const parse = async (query: string) =>
        (await parseRemoteRequest({ query: [query], prompts: [prompt], labels: [label] }, rewarded))[0]!

      it('cuts the completion at the prompt and takes special tokens out, as our own decoding does', async () => {
        for (const text of ['It is 4.', '2 + 2 = 4\n\nSo 4.', 'a  b', '']) {
          const ids = [...tokenizer.encode(text), eos!]
          const sample = await parse(queryOf(ids))
          // In the middle of a text no space is left out at its beginning.
          assert.equal(sample.completion.trimStart(), tokenizer.decode(ids, { skipSpecialTokens: true }).trimStart())
          assert.equal(sample.finishReason, 'stop')
          assert.equal(sample.ids.at(-1), eos)
          assert.equal(sample.prompt, prompt)
        }
      })

      it('lets the tokenizer put its tokens before the prompt and fill up behind the end', async () => {
        const bos = tokenizer.bosTokenId!
        const ids = [...tokenizer.encode('It is 4.'), eos!]
        const padding = tokenizer.padTokenId === undefined ? [] : new Array<number>(5).fill(tokenizer.padTokenId)
        const sample = await parse(queryOf([...ids, ...padding], [bos]))
        assert.equal(sample.completion.trim(), 'It is 4.')
        assert.deepEqual([sample.finishReason, sample.ids.at(-1)], ['stop', eos])
      })

      it('sees that a completion was cut off', async () => {
        assert.equal((await parse(queryOf(tokenizer.encode('It is')))).finishReason, 'length')
        assert.equal((await parse(queryOf([]))).finishReason, 'length')
      })

      it('cuts at the first place, whatever the completion repeats', async () => {
        const sample = await parse(`${prompt}It is: ${prompt} 4.`)
        assert.ok(sample.completion.startsWith('It is: '))
        assert.ok(sample.completion.endsWith(' 4.'))
      })

      it('refuses a query that is about something else, by its place', async () => {
        const refused = async (body: unknown, message: RegExp): Promise<void> => {
          await assert.rejects(
            () => parseRemoteRequest(body, rewarded),
            (error) => error instanceof HttpError && error.status === 400 && message.test(error.message),
          )
        }
        await refused(
          { query: ['x'], prompts: [prompt], labels: [label] },
          /^query\[0\] does not begin with prompts\[0\]/,
        )
        await refused({ query: [`Hello ${prompt}`], prompts: [prompt], labels: [label] }, /^query\[0\] does not begin/)
        await refused(
          { query: [prompt], prompts: [prompt], labels: ['secret'] },
          /^labels\[0\] is none of the 2 problems/,
        )
        await refused({ query: [prompt], prompts: [prompt], labels: [null] }, /^labels\[0\] is null; expected a text/)
        await refused({ query: [prompt], prompts: [], labels: [label] }, /^prompts has 0 values and query 1/)
        await refused({ query: [prompt], prompts: [prompt] }, /^expected the lists query, prompts and labels/)
        const long = ' '.repeat(2 ** 18 + 1)
        await refused({ query: [long], prompts: [prompt], labels: [label] }, /^query\[0\] has 262145 characters/)
        assert.deepEqual(await parseRemoteRequest({ query: [], prompts: [], labels: [] }, rewarded), [])
      })
    })
  }

  it('answers with numbers only, and scores from 0 to 1', () => {
    const answer = remoteRewards({
      version: 1,
      rewards: { correctness: [1, 0, null, null], format: [0.5, null, null, -2] },
      weights: { correctness: 1, format: 2 },
      total: [2, 0, null, -4],
      correct: [true, false, null, null],
      errors: [],
    })
    assert.deepEqual(answer, {
      rewards: [2, 0, 0, -4],
      scores: [1, 0, 0, 0],
      extra_logs: { correctness: [1, 0, 0, 0], format: [0.5, 0, 0, -2], unjudged: [0, 0, 1, 0] },
    })
  })
})

import assert from 'node:assert/strict'
import http from 'node:http'
import { parseTrainConfig } from '../../../src/grpo/config/trainConfig.js'
import { rewardsHash } from '../../../src/server/rewards/configHash.js'
import type { RewardsHealth } from '../../../src/server/rewards/protocol.js'
import type { RemoteRewards } from '../../../src/server/rewards/remoteReward.js'
import type { RewardService } from '../../../src/server/rewards/rewardService.js'
import type { RequestLine } from '../../../src/server/http/service.js'
import { loadTask } from '../../../src/tasks/loadTask.js'
import type { Task } from '../../../src/tasks/task.js'
import { loadModelTokenizer } from '../../../src/policy/modelTokenizer.js'
import { ConfigError } from '../../../src/errors.js'
import { ask } from '../http/client.js'
import { serve } from './served.js'

describe('server/rewards/rewardService', () => {
  const config = { task: 'word-problems', limit: 5, rewards: ['correctness', 'format:0.2'], reward_weights: [1, 0.5] }
  const parsed = parseTrainConfig({ model: 'word-problems-2m', ...config })
  let service: RewardService
  let task: Task
  const lines: RequestLine[] = []
  const bearer = { authorization: 'Bearer right' }
  before(async () => {
    task = await loadTask('word-problems', parsed.task)
    service = await serve(config, { token: 'right', workers: 2, onRequest: (line) => lines.push(line) })
  })
  after(() => service.stop(0))

  it('says to everybody what it serves, and nothing secret', async () => {
    const { status, body } = await ask(service, '/health')
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse(body), {
      version: 1,
      task: 'word-problems',
      problems: 5,
      rewards: ['correctness', 'format'],
      weights: { correctness: 1, format: 0.5 },
      config_hash: rewardsHash(parsed, task),
      workers: 2,
    } satisfies RewardsHealth)
  })

  it('asks for the token for all else', async () => {
    for (const path of ['/v1/rewards', '/get_reward']) {
      assert.equal((await ask(service, path, { body: {} })).status, 401)
      assert.equal((await ask(service, path, { body: {}, headers: bearer })).status, 400)
    }
    assert.equal((await ask(service, '/metrics')).status, 401)
    const { status, headers, body } = await ask(service, '/metrics', { headers: bearer })
    assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
    assert.match(body, /^grpo_ts_rewards_requests_total\{path="\/get_reward",status="401"\} 1$/m)
  })

  it('takes empty batches', async () => {
    const answer = await ask(service, '/v1/rewards', { body: { problem_ids: [], completions: [] }, headers: bearer })
    assert.deepEqual(JSON.parse(answer.body), {
      version: 1,
      rewards: { correctness: [], format: [] },
      weights: { correctness: 1, format: 0.5 },
      total: [],
      correct: [],
      errors: [],
    })
    const remote = await ask(service, '/get_reward', { body: { query: [], prompts: [], labels: [] }, headers: bearer })
    assert.deepEqual(JSON.parse(remote.body), {
      rewards: [],
      scores: [],
      extra_logs: { correctness: [], format: [], unjudged: [] },
    })
  })

  it('answers OpenRLHF, whose token is the password in the address', async () => {
    const { tokenizer } = await loadModelTokenizer('word-problems-2m')
    const [right, wrong] = task.problems
    const prompts = [right!, wrong!].map((problem) => task.prompt(problem, tokenizer).text)
    const query = [`${prompts[0]}${right!.solution}<|end|>`, `${prompts[1]}<answer>nothing</answer><|end|>`]
    const { status, body } = await ask(service, '/get_reward', {
      body: { query, prompts, labels: [right!.id, wrong!.id] },
      headers: { authorization: `Basic ${Buffer.from('x:right').toString('base64')}` },
    })
    assert.equal(status, 200, body)
    const { rewards, scores, extra_logs } = JSON.parse(body) as RemoteRewards
    assert.deepEqual(scores, [1, 0])
    assert.deepEqual(
      [extra_logs.correctness, extra_logs.unjudged],
      [
        [1, 0],
        [0, 0],
      ],
    )
    assert.deepEqual(
      rewards,
      [0, 1].map((i) => extra_logs.correctness![i]! + 0.5 * extra_logs.format![i]!),
    )
  })

  it('answers many single completions at once over few connections, each with its own rewards', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const problem = task.problems[i % 5]!
        const completion = i % 3 === 0 ? problem.solution! : '0'
        const body = { problem_ids: [problem.id], completions: [completion] }
        return JSON.parse((await ask(service, '/v1/rewards', { body, headers: bearer, agent })).body) as {
          correct: boolean[]
        }
      }),
    )
    agent.destroy()
    for (const [i, { correct }] of answers.entries()) assert.deepEqual(correct, [i % 3 === 0])
  })

  it('logs requests without their contents', async () => {
    lines.length = 0
    const body = { problem_ids: ['secret'], completions: ['secret'] }
    assert.equal(
      (await ask(service, '/v1/rewards?secret=1', { body, headers: { ...bearer, 'x-secret': 'secret' } })).status,
      400,
    )
    await ask(service, '/secret', { headers: bearer })
    assert.equal(lines.length, 2)
    assert.ok(!JSON.stringify(lines).includes('secret'))
    assert.match(lines[0]!.error!, /^problem_ids\[0\] is none of the 5 problems/)
  })

  it('does not start with rewards that cannot be loaded, nor on an open address without a token', async () => {
    await assert.rejects(serve({ ...config, rewards: ['./not-there.mjs'], reward_weights: null }), ConfigError)
    await assert.rejects(serve(config, { host: '0.0.0.0' }), ConfigError)
    await assert.rejects(serve({ ...config, model: './not-there' }), /not-there/)
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { RewardService } from '../../../src/server/rewards/rewardService.js'
import { ask, waitUntil } from '../http/client.js'
import { rewardsOf, serve } from './served.js'

describe('server/rewards, with rewards that fail', function () {
  let folder = ''
  let service: RewardService
  const warnings: string[] = []
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  const TIMEOUT = 1500

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-rewards-'))
    fs.writeFileSync(
      path.join(folder, 'task.mjs'),
      `export default () => ({ name: 'own', problems: ${JSON.stringify(ids.map((id) => ({ id, question: id, answer: '1' })))} })`,
    )
    // What the completion says is what it does.
    fs.writeFileSync(
      path.join(folder, 'does.mjs'),
      `const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
       export default ({ completion }) => {
         switch (completion) {
           case 'hang': for (;;);
           case 'regex': return /^(a+)+$/.test('a'.repeat(40) + 'b') ? 1 : 0
           case 'hang later': return sleep(5).then(() => { for (;;); })
           case 'never': return new Promise(() => undefined)
           case 'slow': return sleep(100).then(() => 7)
           case 'throw': throw new Error('thrown')
           case 'reject': return Promise.reject(new Error('rejected'))
           case 'throw nothing': throw Object.create(null)
           case 'throw a trap': throw new Proxy({}, { get() { throw Object.create(null) }, getPrototypeOf() { throw Object.create(null) } })
           case 'throw no message': throw Object.defineProperty(new Error(), 'message', { get() { throw Object.create(null) } })
           case 'throw a symbol': throw Object.assign(new Error(), { message: Symbol('message') })
           case 'return a trap': return { [Symbol.for('nodejs.util.inspect.custom')]() { throw Object.create(null) } }
           case 'reject a trap': return Promise.reject(new Proxy({}, { getPrototypeOf() { throw 1 } }))
           case 'escape a trap': Promise.reject(new Proxy({}, { getPrototypeOf() { throw Object.create(null) } })); return 5
           case 'break timers': globalThis.clearInterval = () => { throw new Error('broken') }; return 6
           case 'text': return 'text'
           case 'NaN': return NaN
           case 'exit': process.exit(3)
           case 'exit later': return sleep(5).then(() => process.exit(0))
           case 'memory': { const all = []; for (;;) all.push(new Array(1e7).fill(1.5)) }
           case 'escape': setTimeout(() => { throw new Error('escaped') }); Promise.reject(new Error('lost')); return 5
           case 'null': return null
           default: return Number(completion)
         }
       }
       export const length = ({ completion }) => completion.length
       export const batch = { name: 'batch', weight: 1, score: () => 0, scoreBatch: (samples) => {
         if (samples.some(({ completion }) => completion === 'batch')) throw new Error('no batch')
         return samples.map(() => 2)
       } }`,
    )
    const file = path.join(folder, 'does.mjs')
    service = await serve(
      {
        task: path.join(folder, 'task.mjs'),
        rewards: [
          { name: file, as: 'does' },
          { name: file, export: 'length', as: 'length' },
          { name: file, export: 'batch' },
        ],
      },
      { workers: 2, timeout: TIMEOUT, onWarning: (message) => warnings.push(message) },
    )
  })
  after(async () => {
    await service.stop(0)
    fs.rmSync(folder, { recursive: true })
  })

  async function score(completions: readonly string[]): Promise<[does: (number | null)[], errors: string[]]> {
    const answer = await rewardsOf(service, {
      problem_ids: completions.map((_, i) => ids[i % ids.length]),
      completions,
    })
    assert.deepEqual(
      answer.rewards.length,
      completions.map(({ length }) => length),
    )
    if (!completions.includes('batch'))
      assert.deepEqual(
        answer.rewards.batch,
        completions.map(() => 2),
      )
    const errors = answer.errors.map(({ index, reward, message }) => `${index} ${reward}: ${message}`)
    return [[...answer.rewards.does!], errors]
  }

  it('loses what throws or gives no number, and nothing else', async () => {
    const [does, errors] = await score(['1', 'throw', '2', 'reject', 'text', 'NaN', 'null', '3'])
    assert.deepEqual(does, [1, null, 2, null, null, null, null, 3])
    assert.equal(errors.length, 4)
    assert.match(errors[0]!, /^1 does: the reward function 'does' failed on a completion of problem b: thrown$/)
    assert.match(errors[1]!, /^3 does: .*: rejected$/)
    assert.match(errors[2]!, /^4 does: .* returned 'text'/)
    assert.match(errors[3]!, /^5 does: .* returned NaN/)
  })

  it('loses what throws something that cannot even be looked at, and nothing else', async () => {
    const traps = [
      'throw nothing',
      'throw a trap',
      'throw no message',
      'throw a symbol',
      'return a trap',
      'reject a trap',
    ]
    const [does, errors] = await score(['1', ...traps, 'escape a trap', '2'])
    assert.deepEqual(does, [1, ...traps.map(() => null), 5, 2])
    assert.equal(errors.length, traps.length, errors.join('\n'))
  })

  it('goes on with another thread after a reward that breaks what threads need', async () => {
    for (let i = 0; i < 4; i++) assert.deepEqual((await score(['break timers']))[0], [6])
    await waitUntil(() => service.health.workers === 2)
    assert.deepEqual((await score(['1', '2']))[0], [1, 2])
  })

  it('is no error where nothing judges', async () => {
    const answer = await rewardsOf(service, { problem_ids: ['a'], completions: ['null'] })
    assert.deepEqual([answer.rewards.does, answer.errors], [[null], []])
  })

  const ending: [string, RegExp][] = [
    ['hang', /took longer than 1500 ms/],
    ['regex', /took longer than 1500 ms/],
    ['hang later', /took longer than 1500 ms/],
    ['never', /took longer than 1500 ms/],
    ['exit', /ended its thread with exit code 3/],
    ['exit later', /ended its thread with exit code 0/],
    ['memory', /ran out of memory|took longer/],
  ]
  for (const [what, message] of ending) {
    it(`loses one completion of a batch to '${what}', and scores the others`, async () => {
      const completions = Array.from({ length: 40 }, (_, i) => (i === 17 ? what : i % 9 === 0 ? 'slow' : `${i}`))
      const [does, errors] = await score(completions)
      assert.deepEqual(
        does,
        completions.map((completion, i) => (i === 17 ? null : completion === 'slow' ? 7 : i)),
      )
      assert.equal(errors.length, 1)
      assert.match(errors[0]!, /^17 does: /)
      assert.match(errors[0]!, message)
      await waitUntil(() => service.health.workers === 2)
      const [next] = await score(['1', '2'])
      assert.deepEqual(next, [1, 2])
    })
  }

  it('loses all that hang, from several clients at once, and scores the others', async () => {
    const batches = [['hang', '1', 'exit', 'hang'], ['2', 'hang later', '3'], ['4'], ['exit later', '5', 'throw']]
    const results = await Promise.all(batches.map(score))
    assert.deepEqual(
      results.map(([does]) => does),
      [[null, 1, null, null], [2, null, 3], [4], [null, 5, null]],
    )
    assert.deepEqual(
      results.map(([, errors]) => errors.length),
      [3, 1, 0, 2],
    )
  })

  it('goes on after errors that nothing catches, and says whose they are', async () => {
    warnings.length = 0
    const [does, errors] = await score(['escape', '1'])
    assert.deepEqual([does, errors], [[5, 1], []])
    await waitUntil(() => warnings.length >= 2)
    assert.match(warnings.join('\n'), /escaped the reward function 'does'/)
    assert.ok(!warnings.join().includes('lost'))
    assert.deepEqual((await score(['2']))[0], [2])
  })

  it('loses a function that scores batches for the whole request when it fails', async () => {
    const [does, errors] = await score(['1', 'batch'])
    assert.deepEqual(does.slice(0, 1), [1])
    assert.deepEqual(
      errors.filter((error) => error.includes(' batch: ')).map((error) => error.slice(0, 8)),
      ['0 batch:', '1 batch:'],
    )
  })

  it('lets go of what a client waits for no more', async () => {
    const gone = ask(service, '/v1/rewards', {
      body: { problem_ids: new Array(400).fill('a'), completions: new Array(400).fill('never') },
      signal: AbortSignal.timeout(300),
    })
    await assert.rejects(gone)
    const [does] = await score(['1'])
    assert.deepEqual(does, [1])
  })

  it('refuses a further batch while too many completions wait', async () => {
    const leave = new AbortController()
    const many = 2 ** 15
    const held = ask(service, '/v1/rewards', {
      body: { problem_ids: new Array(many).fill('a'), completions: new Array(many).fill('slow') },
      signal: leave.signal,
    })
    held.catch(() => undefined)
    const waiting = async (): Promise<number> => {
      const { body } = await ask(service, '/metrics')
      return Number(/^grpo_ts_rewards_queued_completions (\d+)$/m.exec(body)![1])
    }
    while ((await waiting()) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const refused = await ask(service, '/v1/rewards', { body: { problem_ids: ['a'], completions: ['1'] } })
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1'])
    leave.abort()
    await assert.rejects(held)
    while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual((await score(['1']))[0], [1])
  })

  it('counts what was lost', async () => {
    const { body } = await ask(service, '/metrics')
    const value = (name: string): number => Number(new RegExp(`^grpo_ts_rewards_${name} (\\d+)$`, 'm').exec(body)![1])
    assert.ok(value('reward_timeouts_total\\{reward="does"\\}') >= 7)
    assert.ok(value('reward_errors_total\\{reward="does"\\}') >= 8)
    assert.equal(value('reward_errors_total\\{reward="length"\\}'), 0)
    assert.ok(value('workers_lost_total') >= 8)
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import { text } from 'node:stream/consumers'
import { statisticsReady } from '../../src/eval/statistics/distributions.js'
import type { ReviewSummary } from '../../src/eval/review/summary.js'
import { GrpoError } from '../../src/errors.js'
import type { ReviewState } from '../../src/review/reviewData.js'
import { serveReview } from '../../src/review/serveReview.js'
import type { ReviewServer } from '../../src/review/serveReview.js'
import { writeEvaluation } from '../../src/run/evaluationFile.js'
import { readReviews } from '../../src/run/reviewsFile.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { evaluationOf } from '../eval/review/evaluationFixture.js'

describe('review/serveReview', () => {
  before(() => statisticsReady)
  const inFolder = useTemporaryFolder()
  let server: ReviewServer
  let token = ''
  let host = ''

  beforeEach(async () => {
    const evaluation = evaluationOf(
      Array.from({ length: 8 }, (_, i) => ({ base: `short ${i}`, trained: `a longer one ${i}` })),
      ['policy-alpha', 'policy-omega'],
    )
    writeEvaluation(inFolder('eval.json'), evaluation)
    server = await serveReview(inFolder('.'), { reviewer: 'anna', limit: 6 })
    const url = new URL(server.url)
    token = url.searchParams.get('token')!
    host = url.host
  })

  afterEach(() => server.close())

  async function ask(
    path: string,
    { body, headers }: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
    const [hostname, port] = host.split(':')
    const method = body === undefined ? 'GET' : 'POST'
    const given = headers ?? { authorization: `Bearer ${token}` }
    const request = http.request({ hostname, port, path, method, headers: { host, ...given } }).end(body)
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject)
    })
    return { status: response.statusCode!, body: await text(response), headers: response.headers }
  }
  const next = async (): Promise<ReviewState> => JSON.parse((await ask('/next')).body) as ReviewState
  const give = (number: number, verdict: string, answerShown = false): ReturnType<typeof ask> =>
    ask('/give', { body: JSON.stringify({ number, verdict, answerShown }) })

  it('asks about pair after pair, keeps every verdict at once, and ends with the results', async () => {
    for (let state = await next(); state.pair !== null; state = await next()) {
      const isLonger = state.pair.left.text.startsWith('a longer')
      const given = await give(state.pair.number, isLonger ? 'left' : 'right', true)
      assert.equal((JSON.parse(given.body) as ReviewState).given, state.given + 1)
      assert.equal(readReviews(inFolder('.')).lines.length, state.given + 1)
    }
    const { given, total, canUndo } = await next()
    assert.deepEqual([given, total, canUndo], [6, 6, true])
    const { heading, counts, sentences } = JSON.parse((await ask('/results')).body) as ReviewSummary
    assert.equal(heading, '6 verdicts on 6 pairs by 1 reviewer (anna 6)')
    assert.deepEqual(counts[0], ['policy-omega better', '6', '100.0 %'])
    assert.match(sentences.join(' '), /People prefer policy-omega/)
    assert.match(sentences.join(' '), /6 of 6 verdicts came after a look at the expected answer/)
  })

  it('says nowhere which model gave what before the results are asked for', async () => {
    const page = await ask(`/?token=${token}`, { headers: {} })
    const told = [
      page.body,
      (await ask('/next')).body,
      (await give(1, 'left')).body,
      (await ask('/undo', { body: '{}' })).body,
    ]
    for (const words of [/policy-(alpha|omega)/, /"(base|trained|policy|model|adapter)"/]) {
      assert.doesNotMatch(told.join('\n').replace(/<script>[^]*?<\/script>/g, ''), words)
    }
    assert.match(page.body, /"reviewer":"anna"/)
    // What the page is opened with holds no answers at all.
    assert.doesNotMatch(page.body, /a longer one/)
  })

  it('takes the last verdict back', async () => {
    const { pair } = await next()
    await give(pair!.number, 'tie')
    const state = JSON.parse((await ask('/undo', { body: '{}' })).body) as ReviewState
    assert.deepEqual([state.pair, state.given, state.canUndo], [pair, 0, false])
    assert.deepEqual(
      readReviews(inFolder('.')).lines.map(({ verdict }) => verdict),
      ['tie', null],
    )
  })

  it('answers only those who have the token, by its own name, and its own page', async () => {
    const bearer = { authorization: `Bearer ${token}` }
    assert.equal((await ask('/', { headers: {} })).status, 403)
    assert.equal((await ask(`/?token=${token}x`, { headers: {} })).status, 403)
    for (const path of ['/next', '/results']) {
      assert.equal((await ask(path, { headers: {} })).status, 403, path)
      assert.equal((await ask(path, { headers: { ...bearer, host: 'evil.example' } })).status, 403)
      assert.equal((await ask(path, { headers: { ...bearer, origin: 'https://evil.example' } })).status, 403)
    }
    const body = '{"number":1,"verdict":"left","answerShown":false}'
    for (const path of ['/give', '/undo']) {
      assert.equal((await ask(path, { headers: {}, body })).status, 403)
      assert.equal((await ask(path, { headers: { ...bearer, 'sec-fetch-site': 'cross-site' }, body })).status, 403)
    }
    assert.ok(!fs.existsSync(inFolder('reviews.jsonl')))
  })

  it('refuses what is no verdict, and writes nothing then', async () => {
    for (const body of [
      '',
      'not JSON',
      '[]',
      '{"number":1,"verdict":"trained","answerShown":false}',
      '{"number":1,"verdict":null,"answerShown":false}',
      '{"number":0,"verdict":"left","answerShown":false}',
      '{"number":7,"verdict":"left","answerShown":false}',
      '{"number":1e99,"verdict":"left","answerShown":false}',
      '{"number":"1","verdict":"left","answerShown":false}',
      '{"number":1,"verdict":"left"}',
    ]) {
      const { status } = await ask('/give', { body })
      assert.equal(status, 400, body)
    }
    assert.equal((await ask('/give', { body: 'x'.repeat(20_000) })).status, 413)
    for (const path of ['/give', '/reviews.jsonl', '/../eval.json', '//', '/next/']) {
      assert.equal((await ask(path)).status, 404, path)
    }
    assert.ok(!fs.existsSync(inFolder('reviews.jsonl')))
  })

  it('tells the page when a verdict cannot be kept', async () => {
    const state = await next()
    writeEvaluation(inFolder('eval.json'), evaluationOf([{ base: 'a', trained: 'b' }]))
    const { status, body } = await give(state.pair!.number, 'left')
    assert.equal(status, 500)
    assert.match(body, /was made again since this review began/)
  })

  it('says when the port is taken', async () => {
    await assert.rejects(
      serveReview(inFolder('.'), { port: Number(host.split(':')[1]), reviewer: 'anna' }),
      (error) => {
        assert.ok(error instanceof GrpoError)
        assert.match(error.message, /cannot serve on port \d+ .*; choose another one with --port/)
        return true
      },
    )
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import { text } from 'node:stream/consumers'
import { GrpoError } from '../../src/errors.js'
import { readRunStatus, RunControl } from '../../src/run/control.js'
import type { ReportUpdate } from '../../src/report/reportData.js'
import { serveReport } from '../../src/report/serveReport.js'
import type { ReportServer } from '../../src/report/serveReport.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { completionLine, writeRun } from './runFixture.js'

describe('report/serveReport', () => {
  const inFolder = useTemporaryFolder()
  let server: ReportServer
  let token = ''
  let host = ''

  beforeEach(async () => {
    writeRun(inFolder('run'), 2)
    server = await serveReport(inFolder('run'))
    const url = new URL(server.url)
    token = url.searchParams.get('token')!
    host = url.host
  })

  afterEach(() => server.close())

  async function ask(
    path: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
    const [hostname, port] = host.split(':')
    const request = http.request({ hostname, port, path, method, headers: { host, ...headers } }).end()
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject)
    })
    return { status: response.statusCode!, body: await text(response), headers: response.headers }
  }
  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${token}` })
  const updates = async (query = ''): Promise<ReportUpdate> =>
    JSON.parse((await ask(`/updates?${query}`, { headers: bearer() })).body) as ReportUpdate

  it('gives the page only to those who have the token', async () => {
    const page = await ask(`/?token=${token}`)
    assert.equal(page.status, 200)
    assert.match(page.body, /"live":\{"token":"/)
    assert.match(page.body, /connect-src 'self'/)
    assert.equal(page.headers['content-security-policy'], "frame-ancestors 'none'")
    for (const path of ['/', '/?token=', `/?token=${token}x`]) {
      const refused = await ask(path)
      assert.equal(refused.status, 403, path)
      assert.ok(!refused.body.includes(token))
    }
  })

  it('refuses names that were rebound to this machine', async () => {
    for (const name of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example:1']) {
      assert.equal((await ask(`/?token=${token}`, { headers: { host: name } })).status, 403, name)
    }
    assert.equal((await ask(`/?token=${token}`, { headers: { host: 'localhost:8080' } })).status, 200)
  })

  it('takes commands only from its own page', async () => {
    const control = new RunControl(inFolder('run'), 5)
    control.start()
    const pause = (headers: Record<string, string>): Promise<{ status: number }> =>
      ask('/control/pause', { method: 'POST', headers })
    try {
      assert.equal((await pause({})).status, 403)
      assert.equal((await pause({ authorization: 'Bearer wrong' })).status, 403)
      assert.equal((await pause({ ...bearer(), origin: 'https://evil.example' })).status, 403)
      assert.equal((await pause({ ...bearer(), origin: 'null' })).status, 403)
      assert.equal((await pause({ ...bearer(), 'sec-fetch-site': 'cross-site' })).status, 403)
      assert.equal((await ask('/control/pause', { headers: bearer() })).status, 404)
      assert.equal((await ask('/control/explode', { method: 'POST', headers: bearer() })).status, 404)
      assert.ok(!fs.existsSync(inFolder('run', 'control.json')))
      assert.equal(
        (await pause({ ...bearer(), origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).status,
        204,
      )
      assert.equal(readRunStatus(inFolder('run')).state, 'pausing')
      assert.equal((await updates()).status.state, 'pausing')
    } finally {
      control.end()
    }
  })

  it('says so when no process trains in the folder', async () => {
    assert.equal((await ask('/control/stop', { method: 'POST', headers: bearer() })).status, 409)
    assert.deepEqual((await updates()).status, { state: 'ended', maxSteps: null, step: 2 })
  })

  it('sends what is new, and a new generation when the run was started anew', async () => {
    const first = await updates()
    assert.deepEqual([first.metrics.length, first.steps.length, first.groups.length], [2, 2, 4])
    const query = 'metrics=2&steps=2'
    const nothing = await updates(query)
    assert.deepEqual([nothing.metrics.length, nothing.steps.length, nothing.groups.length], [0, 0, 0])

    fs.appendFileSync(inFolder('run', 'metrics.jsonl'), '{"step":3,"reward":1}\n{"step":4,"re')
    fs.appendFileSync(inFolder('run', 'completions.jsonl'), `${JSON.stringify(completionLine({ step: 3 }))}\n`)
    const third = await updates(query)
    assert.deepEqual(third.metrics, [{ step: 3, reward: 1 }])
    assert.equal(third.groups.length, 1)
    assert.equal(third.generation, first.generation)

    fs.rmSync(inFolder('run'), { recursive: true })
    writeRun(inFolder('run'), 1)
    const anew = await updates()
    assert.equal(anew.generation, first.generation + 1)
    assert.equal(anew.metrics.length, 1)
  })

  it('says which port is taken', async () => {
    const port = Number(host.split(':')[1])
    await assert.rejects(serveReport(inFolder('run'), { port }), (error) => {
      assert.ok(error instanceof GrpoError)
      assert.match(error.message, new RegExp(`cannot serve on port ${port} .*--port`))
      return true
    })
  })
})

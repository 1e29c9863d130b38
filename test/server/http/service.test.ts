import assert from 'node:assert/strict'
import http from 'node:http'
import { ConfigError, GrpoError } from '../../../src/errors.js'
import { HttpError } from '../../../src/server/http/httpError.js'
import { startService } from '../../../src/server/http/service.js'
import type { Route } from '../../../src/server/http/service.js'
import { RawConnection, ask, head, useServices, waitUntil } from './client.js'

const echo: Route = { method: 'POST', path: '/echo', answer: ({ body }) => ({ body }) }
const health: Route = { method: 'GET', path: '/health', isOpen: true, answer: () => ({ body: { ok: true } }) }
const metrics: Route = { method: 'GET', path: '/metrics', answer: () => ({ body: 'up 1\n' }) }

describe('server/http/service', () => {
  const { start, lines } = useServices()

  it('answers JSON and texts, and logs each request without its contents', async () => {
    const service = await start([echo, health, metrics])
    const answer = await ask(service, '/echo?x=1', { body: { secret: 'ü' } })
    assert.equal(answer.status, 200)
    assert.deepEqual(JSON.parse(answer.body), { secret: 'ü' })
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(answer.headers['cache-control'], 'no-store')
    const text = await ask(service, '/metrics')
    assert.deepEqual([text.body, text.headers['content-type']], ['up 1\n', 'text/plain; charset=utf-8'])
    assert.equal((await ask(service, '/private/path')).status, 404)
    const [first, , last] = lines
    assert.deepEqual(
      { ...first, milliseconds: 0 },
      {
        method: 'POST',
        path: '/echo',
        status: 200,
        milliseconds: 0,
        bytes: 15,
        error: null,
      },
    )
    assert.ok(first!.milliseconds > 0)
    assert.deepEqual([last!.path, last!.status], ['other', 404])
  })

  it('names the methods that it takes', async () => {
    const service = await start([echo, health])
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']) {
      const answer = await ask(service, '/echo', { method })
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'], method)
    }
    assert.equal((await ask(service, '/health', { body: {} })).status, 405)
  })

  it('asks for the token, as Bearer or as the password of Basic, but not for what is open', async () => {
    const service = await start([echo, health, metrics], { token: 'right' })
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
    for (const authorization of ['Bearer right', 'bearer right', basic('x:right'), basic(':right')]) {
      assert.equal((await ask(service, '/metrics', { headers: { authorization } })).status, 200, authorization)
    }
    const wrong = [
      '',
      'right',
      'Bearer',
      'Bearer ',
      'Bearer wrong',
      'Bearer right x',
      'Digest right',
      basic('right:'),
      'Basic !',
    ]
    for (const authorization of wrong) {
      const answer = await ask(service, '/metrics', { headers: { authorization } })
      assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, 'Bearer'], authorization)
      assert.ok(!answer.body.includes('right'))
    }
    // What there is, is nobody's business either.
    assert.equal((await ask(service, '/nothing')).status, 401)
    assert.equal((await ask(service, '/echo', { body: {} })).status, 401)
    assert.equal((await ask(service, '/health')).status, 200)
  })

  it('answers no pages in browsers, and no other names of this machine, without a token', async () => {
    const service = await start([echo, health])
    for (const headers of [
      { origin: 'http://127.0.0.1' },
      { origin: 'null' },
      { host: 'evil.example' },
      { host: '127.0.0.1.nip.io:80' },
    ]) {
      assert.equal((await ask(service, '/health', { headers })).status, 403, JSON.stringify(headers))
      assert.equal((await ask(service, '/echo', { headers, body: {} })).status, 403, JSON.stringify(headers))
    }
    for (const host of ['localhost', 'LOCALHOST:1', '[::1]:8765', '127.0.0.2']) {
      assert.equal((await ask(service, '/health', { headers: { host } })).status, 200, host)
    }
  })

  it('listens beyond this machine with a token only, and never with one that no header can hold', async () => {
    for (const host of ['0.0.0.0', '::', '', 'example.org']) await assert.rejects(start([echo], { host }), ConfigError)
    for (const token of ['', ' ', 'a b', 'ü', 'a\n']) await assert.rejects(start([echo], { token }), ConfigError)
    const open = await start([health], { host: '0.0.0.0', token: 'x' })
    assert.equal((await ask(open, '/health', { headers: { host: 'any.example' } })).status, 200)
  })

  it('says so when the port is taken', async () => {
    const { port } = await start([echo])
    await assert.rejects(
      start([echo], { port }),
      (error) => error instanceof GrpoError && error.message.includes('EADDRINUSE'),
    )
  })

  it('tells clients what it refuses and when to ask again, and nothing of what went wrong within', async () => {
    const throwing = (path: string, error: unknown): Route => ({
      method: 'GET',
      path,
      answer: () => {
        throw error as Error
      },
    })
    const service = await start([
      throwing('/busy', new HttpError(429, 'full', 7)),
      throwing('/ending', new HttpError(503, 'ending')),
      throwing('/bug', new TypeError('/home/me/secret')),
      throwing('/ours', new GrpoError('out of memory in /home/me')),
      throwing('/text', 'thrown text'),
      { method: 'GET', path: '/circle', answer: () => ({ body: 1n }) },
    ])
    const busy = await ask(service, '/busy')
    assert.deepEqual([busy.status, busy.headers['retry-after']], [429, '7'])
    assert.deepEqual(JSON.parse(busy.body), { error: { message: 'full', type: 'RateLimitError', code: 429 } })
    assert.equal((await ask(service, '/ending')).headers['retry-after'], '5')
    for (const path of ['/bug', '/ours', '/text', '/circle']) {
      const { status, body } = await ask(service, path)
      assert.equal(status, 500)
      assert.deepEqual((JSON.parse(body) as { error: unknown }).error, {
        message: 'internal error; the log of the service has it',
        type: 'InternalServerError',
        code: 500,
      })
    }
    const [, , bug, ours, text] = lines.map(({ error }) => error)
    assert.match(bug!, /^TypeError at .*service\.test\.ts/)
    assert.equal(ours, 'out of memory in /home/me')
    assert.equal(text, 'threw a string')
  })

  it('works on so many requests at a time, and answers GET all the while', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let started = 0
    const slow: Route = {
      method: 'POST',
      path: '/slow',
      answer: async () => {
        started++
        await held
        return { body: 'done' }
      },
    }
    const service = await start([slow, health], { maxRequests: 2 })
    const accepted = [ask(service, '/slow', { body: 1 }), ask(service, '/slow', { body: 2 })]
    await waitUntil(() => started === 2)
    const refused = await ask(service, '/slow', { body: 3 })
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1'])
    assert.equal((await ask(service, '/health')).status, 200)
    release()
    for (const { status } of await Promise.all(accepted)) assert.equal(status, 200)
    assert.equal((await ask(service, '/slow', { body: 4 })).status, 200)
  })

  it('holds so many bytes of bodies at a time', async () => {
    const service = await start([echo], { maxBodyBytes: 1000, maxBufferedBytes: 1500 })
    const slow = new RawConnection(service)
    slow.send(`${head('/echo', ['Content-Length: 1000'])}"${'a'.repeat(998)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const refused = await ask(service, '/echo', { body: 'x'.repeat(900) })
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1'])
    slow.send('"')
    await slow.until(/200 OK[^]*aaa$/)
    slow.destroy()
    assert.equal((await ask(service, '/echo', { body: `"${'x'.repeat(900)}"` })).status, 200)
  })

  it('tells a route when its client is gone', async () => {
    let tell: (reason: unknown) => void = () => undefined
    const told = new Promise((resolve) => (tell = resolve))
    const waits: Route = {
      method: 'POST',
      path: '/wait',
      answer: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            tell(signal.reason)
            reject(signal.reason as Error)
          })
        }),
    }
    const service = await start([waits])
    const connection = new RawConnection(service)
    connection.send(`${head('/wait', ['Content-Length: 2'])}{}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    connection.destroy()
    assert.equal(((await told) as HttpError).status, 499)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(
      lines.map(({ status }) => status),
      [499],
    )
  })

  it('answers what it works on when it stops, refuses the rest, and keeps no connection', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const slow: Route = { method: 'POST', path: '/slow', answer: async () => (await held, { body: 'done' }) }
    const service = await start([slow, health])
    const agent = new http.Agent({ keepAlive: true })
    await ask(service, '/health', { agent })
    const silent = new RawConnection(service)
    const inFlight = new RawConnection(service)
    inFlight.send(`${head('/slow', ['Content-Length: 2'])}{}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const stopped = service.stop(5000)
    await silent.closed
    await assert.rejects(ask(service, '/health'), /ECONNREFUSED/)
    inFlight.send('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 20))
    release()
    await inFlight.until(/200 OK[^]*Connection: close[^]*done/)
    await stopped
    await inFlight.closed
    agent.destroy()
    await service.stop(5000)
  })

  it('aborts what does not end in time when it stops', async () => {
    const never: Route = {
      method: 'POST',
      path: '/never',
      answer: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error)
          })
        }),
    }
    const deaf: Route = { method: 'POST', path: '/deaf', answer: () => new Promise(() => undefined) }
    const service = await startService([never, deaf], {
      host: '127.0.0.1',
      port: 0,
      token: null,
      maxBodyBytes: 100,
      maxBufferedBytes: 100,
      maxRequests: 8,
      transferTimeout: 5000,
    })
    const aborted = ask(service, '/never', { body: {} })
    const dropped = ask(service, '/deaf', { body: {} })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const started = performance.now()
    const stopped = service.stop(100)
    const [answer] = await Promise.all([aborted, assert.rejects(dropped, /ECONNRESET|socket hang up/), stopped])
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '5'])
    assert.ok(performance.now() - started < 3000)
  })
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import type { Route, Service } from '../../../src/server/http/service.js'
import { RawConnection, ask, head, useServices, waitUntil } from './client.js'

const count: Route = {
  method: 'POST',
  path: '/count',
  answer: ({ body }) => ({ body: { characters: JSON.stringify(body).length } }),
}
const health: Route = { method: 'GET', path: '/health', answer: () => ({ body: 'ok' }) }

describe('server/http/service, with clients that mean no good', () => {
  const { start, lines } = useServices()

  async function assertAlive(service: Service): Promise<void> {
    assert.equal((await ask(service, '/health')).status, 200)
    assert.equal((await ask(service, '/count', { body: [1] })).status, 200)
  }

  it('refuses bodies that are no JSON, without repeating them', async () => {
    const service = await start([count, health])
    const bad: [string | Buffer, RegExp][] = [
      ['', /not JSON/],
      ['{', /not JSON/],
      ['secret', /not JSON/],
      ['{"secret": secret}', /not JSON/],
      ['[1] secret', /not JSON/],
      ['"secret', /not JSON/],
      ['{"secret":1,"secret":2}', /a key twice in one object/],
      ['{"a":{"secret":1,"s\\u0065cret":2}}', /a key twice in one object/],
      [Buffer.from([0x22, 0xff, 0xfe, 0x22]), /not UTF-8/],
      [Buffer.from('"secret"', 'utf16le'), /not/],
      ['['.repeat(33) + ']'.repeat(33), /deeper than 32/],
      ['['.repeat(1e6), /deeper than 32/],
      ['{"a":'.repeat(1e5), /deeper than 32/],
      [`[${'[],'.repeat(3e5)}0]`, /more than 262144/],
      [`[${'"",'.repeat(3e5)}0]`, /more than 262144/],
      [randomBytes(1000), /not/],
    ]
    for (const [body, reason] of bad) {
      const connection = new RawConnection(service)
      const bytes = Buffer.from(body)
      connection.send(head('/count', [`Content-Length: ${bytes.length}`, 'Connection: close']))
      connection.send(bytes)
      await connection.closed
      assert.match(connection.received, /^HTTP\/1\.1 400 /)
      assert.match(connection.received, reason)
      assert.ok(!connection.received.includes('secret'), connection.received)
    }
    assert.ok(!JSON.stringify(lines).includes('secret'))
    assert.equal((await ask(service, '/count', { body: '['.repeat(32) + ']'.repeat(32) })).status, 200)
    await assertAlive(service)
  })

  it('takes JSON only, uncompressed', async () => {
    const service = await start([count, health])
    for (const type of ['', 'text/plain', 'application/jsonp', 'multipart/form-data', 'text/json']) {
      const { status } = await ask(service, '/count', { body: {}, headers: { 'content-type': type } })
      assert.equal(status, 415, type)
    }
    for (const type of ['Application/JSON', 'application/json; charset=utf-8', 'application/json ;x']) {
      assert.equal((await ask(service, '/count', { body: {}, headers: { 'content-type': type } })).status, 200, type)
    }
    assert.equal((await ask(service, '/count', { body: {}, headers: { 'content-encoding': 'gzip' } })).status, 415)
    const untyped = new RawConnection(service)
    untyped.send('POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
    await untyped.until(/415/)
    untyped.destroy()
  })

  it('refuses long bodies, whether they say so or not, and says why to those that do not listen while they send', async () => {
    const service = await start([count, health], { maxBodyBytes: 1e6 })
    const body = JSON.stringify('a'.repeat(1.5e6))
    const said = await ask(service, '/count', { body })
    assert.equal(said.status, 413)
    assert.match(said.body, /longer than 1000000 bytes/)
    const unsaid = await ask(service, '/count', { body, headers: { 'transfer-encoding': 'chunked' } })
    assert.equal(unsaid.status, 413)
    // The connection is as good as before.
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (const status of [413, 413]) assert.equal((await ask(service, '/count', { body, agent })).status, status)
    assert.equal((await ask(service, '/health', { agent })).status, 200)
    agent.destroy()
    // Nobody reads for ever what was refused.
    const hurried = await start([count, health], { transferTimeout: 300 })
    const endless = new RawConnection(hurried)
    endless.send(head('/count', ['Content-Length: 1000000000000']))
    await endless.until(/413/)
    const drip = setInterval(() => {
      endless.send('a')
    }, 20)
    await endless.closed
    clearInterval(drip)
    await assertAlive(hurried)
    await assertAlive(service)
  })

  it('takes bodies byte by byte', async () => {
    const service = await start([count])
    const connection = new RawConnection(service)
    const text = JSON.stringify('ü'.repeat(300))
    const chunks = [...Buffer.from(text)].map((byte) =>
      Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
    )
    connection.send(head('/count', ['Transfer-Encoding: chunked']))
    connection.send(Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]))
    await connection.until(/200 OK[^]*302/)
    connection.destroy()
  })

  it('ends connections that send too slowly', async () => {
    const service = await start([count, health], { transferTimeout: 300 })
    const silent = new RawConnection(service)
    const slowHeaders = new RawConnection(service)
    const slowBody = new RawConnection(service)
    slowHeaders.send('POST /count HTTP/1.1\r\nHost: localhost\r\n')
    slowBody.send(`${head('/count', ['Content-Length: 1000'])}[`)
    const drip = setInterval(() => {
      slowHeaders.send('X-A: b\r\n')
      slowBody.send('1')
    }, 50)
    await Promise.all([silent.closed, slowHeaders.closed, slowBody.closed])
    clearInterval(drip)
    assert.match(slowHeaders.received, /408/)
    assert.match(slowBody.received, /408/)
    assert.deepEqual(
      lines.map(({ status, error }) => [status, error]),
      [[499, 'the client is gone, or was too slow']],
    )
    await assertAlive(service)
  })

  it('takes uploads that are given up for what they are', async () => {
    const service = await start([count, health])
    for (const headers of [['Content-Length: 1000'], ['Transfer-Encoding: chunked']]) {
      const connection = new RawConnection(service)
      connection.send(`${head('/count', headers)}3\r\n"aa\r\n`)
      await new Promise((resolve) => setTimeout(resolve, 30))
      connection.destroy()
    }
    await assertAlive(service)
    assert.deepEqual(lines.map(({ status }) => status).sort(), [200, 200, 499, 499])
  })

  it('ends connections that never take their answer, and holds so many bytes of answers only', async () => {
    const big: Route = { method: 'GET', path: '/big', answer: () => ({ body: 'x'.repeat(2 ** 25) }) }
    const service = await start([big, count, health], { transferTimeout: 1500, maxBufferedBytes: 2 ** 26 + 2 ** 20 })
    const deaf = [0, 1].map(() => new RawConnection(service, { reads: false }))
    for (const connection of deaf) connection.send('GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const refused = await ask(service, '/big')
    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '5'])
    await assertAlive(service)
    await waitUntil(() => lines.filter(({ status }) => status === 499).length === 2)
    assert.equal((await ask(service, '/big')).body.length, 2 ** 25)
    for (const connection of deaf) connection.destroy()
  })

  it('answers requests that are sent ahead in their order, and ends connections that send too many', async () => {
    const order: number[] = []
    const slow: Route = {
      method: 'POST',
      path: '/slow',
      answer: async ({ body }) => {
        const wait = body as number
        await new Promise((resolve) => setTimeout(resolve, wait))
        order.push(wait)
        return { body: `<${wait}>` }
      },
    }
    const service = await start([slow, health], { transferTimeout: 200, maxRequests: 100 })
    const connection = new RawConnection(service)
    // The second waits for the first longer than clients may take for an answer.
    const [first, second] = [`${head('/slow', ['Content-Length: 3'])}400`, `${head('/slow', ['Content-Length: 2'])}10`]
    connection.send(first + second)
    await connection.until(/<400>[^]*<10>/)
    assert.deepEqual(order, [10, 400])
    connection.destroy()
    const flood = new RawConnection(service)
    flood.send(first + 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5000))
    await flood.closed
    assert.equal((await ask(service, '/health')).status, 200)
    // 33 at most were begun, and each is told.
    await new Promise((resolve) => setTimeout(resolve, 450))
    assert.ok(lines.length >= 3 && lines.length < 40, `${lines.length} lines`)
  })

  it('invites only bodies that it will read', async () => {
    const service = await start([count, health], { token: 'right' })
    const expecting = (headers: string[]): RawConnection => {
      const connection = new RawConnection(service)
      connection.send(head('/count', ['Expect: 100-continue', ...headers]))
      return connection
    }
    const invited = expecting(['Authorization: Bearer right', 'Content-Length: 5'])
    await invited.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    invited.send('"aaa"')
    await invited.until(/200 OK/)
    invited.destroy()
    for (const [headers, status] of [
      [['Content-Length: 5'], 401],
      [['Authorization: Bearer right', 'Content-Length: 5000000'], 413],
      [['Authorization: Bearer right', 'Content-Length: 5', 'Content-Encoding: br'], 415],
    ] as const) {
      const refused = expecting([...headers])
      await refused.closed
      assert.match(refused.received, new RegExp(`^HTTP/1\\.1 ${status} `))
    }
    const strange = new RawConnection(service)
    strange.send(head('/count', ['Expect: the-unexpected', 'Content-Length: 0']))
    await strange.until(/417/)
    strange.destroy()
  })

  it('refuses what is no HTTP, and headers without end', async () => {
    const service = await start([count, health])
    const nonsense: [string | Buffer, RegExp][] = [
      ['hello\r\n\r\n', /^HTTP\/1\.1 400/],
      [Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), /^HTTP\/1\.1 400/],
      ['GET /health HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400/],
      ['GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 400/],
      [`GET /${'a'.repeat(1e5)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, /^HTTP\/1\.1 431/],
      [`GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(1e5)}\r\n\r\n`, /^HTTP\/1\.1 431/],
      [`GET /health HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(1e5)}\r\n`, /^HTTP\/1\.1 431/],
      ['POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', /^HTTP\/1\.1 400/],
      [
        'POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
        /^HTTP\/1\.1 400/,
      ],
      ['CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n', /^$/],
    ]
    for (const [text, expected] of nonsense) {
      const connection = new RawConnection(service)
      connection.send(text)
      await connection.closed
      assert.match(connection.received, expected, String(text).slice(0, 60))
    }
    const broken = new RawConnection(service)
    broken.send(`${head('/count', ['Transfer-Encoding: chunked'])}zz\r\n`)
    await broken.closed
    assert.match(broken.received, /^HTTP\/1\.1 400/)
    const upgrade = new RawConnection(service)
    upgrade.send('GET /health HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    await upgrade.until(/200 OK/)
    upgrade.destroy()
    await assertAlive(service)
  })

  it('has room for the next one when many connections do nothing', async () => {
    const service = await start([count, health], { maxConnections: 20 })
    const idle = Array.from({ length: 60 }, () => new RawConnection(service))
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (let tries = 0; ; tries++) {
      const answer = await ask(service, '/health').catch(() => null)
      if (answer?.status === 200) break
      assert.ok(tries < 3)
    }
    for (const connection of idle) connection.destroy()
    await assertAlive(service)
  })
})

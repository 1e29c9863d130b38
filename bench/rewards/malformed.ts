import net from 'node:net'

/** Requests that are wrong, each in its own way; the number makes each a little different. */
export const malformedRequests: readonly ((i: number, problemId: string) => string | Buffer)[] = [
  ...([
    '',
    '{',
    '[]',
    'null',
    '"text"',
    '{}',
    '{"problem_ids":[]}',
    '{"problem_ids":"a","completions":["x"]}',
    '{"problem_ids":["a","b"],"completions":["x"]}',
    '{"problem_ids":[1],"completions":[2]}',
    '{"problem_ids":[],"problem_ids":[],"completions":[]}',
    '{"problem_ids":[null],"completions":[null]}',
    '{"problem_ids":["__proto__"],"completions":["x"]}',
    '{"problem_ids":["a"],"completions":["x"],"unknown":1}',
    '{"query":["x"],"prompts":["y"],"labels":["z"]}',
    '['.repeat(10_000),
    `[${'[],'.repeat(300_000)}0]`,
    '\ud800',
  ].map((body) => () => post('/v1/rewards', body)) as ((i: number) => Buffer)[]),
  (i, id) => post('/v1/rewards', JSON.stringify({ problem_ids: [`${id}-${i}`], completions: ['x'] })),
  (i, id) => post('/v1/rewards', JSON.stringify({ problem_ids: [id], completion_ids: [[1, 2, -i - 1]] })),
  (i, id) =>
    post('/v1/rewards', JSON.stringify({ problem_ids: [id], completions: ['x'], completion_ids: [[i + 0.5]] })),
  (i, id) => post('/v1/rewards', JSON.stringify({ problem_ids: [id], completions: ['x'], finish_reasons: [`${i}`] })),
  (_, id) => post('/v1/rewards', JSON.stringify({ problem_ids: [id, id], completions: ['x', 'x'] }).slice(0, -9)),
  (_, id) => post('/get_reward', JSON.stringify({ query: ['x'], prompts: ['y'], labels: [id] })),
  () => post('/v1/rewards', Buffer.from([0x22, 0xff, 0xfe, 0x22])),
  () => post('/v1/rewards', '{}', ['Content-Type: text/plain']),
  () => post('/v1/rewards', '{}', ['Content-Encoding: gzip']),
  () => post('/nothing', '{}'),
  () => head('PUT', '/v1/rewards', []),
  () => head('GET', `/${'a'.repeat(20_000)}`, []),
  () => head('POST', '/v1/rewards', ['Content-Type: application/json', 'Content-Length: 99999999999']),
  () => head('POST', '/v1/rewards', ['Content-Type: application/json', 'Content-Length: -1']),
  () => `${head('POST', '/v1/rewards', ['Content-Type: application/json', 'Transfer-Encoding: chunked'])}zz\r\n`,
  (i) => `no HTTP at all ${i}\r\n\r\n`,
  () => Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
]

function post(path: string, body: string | Buffer, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body)
  const type = headers.some((header) => header.startsWith('Content-Type')) ? [] : ['Content-Type: application/json']
  return Buffer.concat([
    Buffer.from(head('POST', path, [...type, ...headers, `Content-Length: ${bytes.length}`])),
    bytes,
  ])
}

function head(method: string, path: string, headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...headers, '', ''].join('\r\n')
}

/** The status that a request gets over a connection of its own; null when it is cut off without an answer. */
export function statusOf(port: number, request: string | Buffer): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    let received = ''
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      received = (received + chunk.toString('latin1')).slice(0, 100)
      const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(received) ?? []
      if (status !== undefined) socket.destroy()
    })
    socket.on('close', () => {
      const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(received) ?? []
      resolve(status === undefined ? null : Number(status))
    })
    socket.write(request)
  })
}

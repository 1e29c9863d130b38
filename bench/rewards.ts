/**
 * Load on `grpo-ts serve-rewards`, as a process of its own: completions of 4,000 characters from 64 clients, 10,000 malformed
 * requests, and clients that never read their answers.
 *
 *   npm run bench:rewards
 *   npm run bench:rewards -- --workers 4 --completions 4096 --malformed 1000
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { formatTable } from '../src/cli/terminal/table.js'
import type { Column } from '../src/cli/terminal/table.js'
import { loadTask } from '../src/tasks/loadTask.js'
import { malformedRequests, statusOf } from './rewards/malformed.js'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: String(os.availableParallelism()) },
    clients: { type: 'string', default: '64' },
    completions: { type: 'string', default: '512' },
    malformed: { type: 'string', default: '10000' },
  },
})
const [clients, completions, malformed] = [values.clients, values.completions, values.malformed].map(Number) as [
  number,
  number,
  number,
]
/** Of a completion. */
const CHARACTERS = 4000
/** Malformed requests that are sent at a time. */
const CONCURRENT = 32

interface Load {
  readonly requests: number
  /** Completions of a request. */
  readonly perRequest: number
  readonly clients: number
  /** Milliseconds of a request. */
  readonly p50: number
  readonly p99: number
  readonly seconds: number
  /** Most memory of the service meanwhile. */
  readonly mebibytes: number
}

const columns: readonly Column<Load>[] = [
  { heading: 'requests', text: ({ requests }) => `${requests}` },
  { heading: 'completions each', text: ({ perRequest }) => `${perRequest}` },
  { heading: 'clients', text: (row) => `${row.clients}` },
  { heading: 'p50 ms', text: ({ p50 }) => p50.toFixed(0) },
  { heading: 'p99 ms', text: ({ p99 }) => p99.toFixed(0) },
  { heading: 'requests/s', text: ({ requests, seconds }) => (requests / seconds).toFixed(1) },
  {
    heading: 'completions/s',
    text: ({ requests, perRequest, seconds }) => ((requests * perRequest) / seconds).toFixed(1),
  },
  { heading: 'memory MiB', text: ({ mebibytes }) => `${mebibytes}` },
]

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-bench-'))
const config = path.join(folder, 'run.yaml')
fs.writeFileSync(
  config,
  'model: word-problems-2m\ntask: word-problems\nseed: 0\nrewards: [correctness, "format:0.2", partial_credit]\n',
)
const task = await loadTask('word-problems', { seed: 0 })
const main = path.resolve(import.meta.dirname, '../dist/cli/main.js')
const log = fs.openSync(path.join(folder, 'log'), 'w')
const service = spawn(process.execPath, [main, 'serve-rewards', config, '--port', '0', '--workers', values.workers], {
  stdio: ['ignore', 'pipe', log],
})
const ended = new Promise<number | null>((resolve) => service.once('exit', resolve))
const port = await new Promise<number>((resolve, reject) => {
  let output = ''
  service.stdout!.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    const [, found] = /^serving .*:(\d+)$/m.exec(output) ?? []
    if (found !== undefined) resolve(Number(found))
  })
  void ended.then((code) => {
    reject(new Error(`the service ended with ${code}: ${fs.readFileSync(path.join(folder, 'log'), 'utf8')}`))
  })
})

try {
  // Once around, so that compiling does not count.
  await load(completions, 8)
  const loads = [await load(completions, 1), await load(completions, 8), await load(completions, completions)]
  process.stdout.write(
    `Completions of ${CHARACTERS} characters, ${values.workers} threads\n\n${formatTable(columns, loads)}\n`,
  )
  process.stdout.write(`\n${await sendMalformed()}\n`)
  process.stdout.write(`\n${await neverRead()}\n`)
  const before = performance.now()
  service.kill('SIGTERM')
  process.stdout.write(`\nSIGTERM: ended with ${await ended} after ${(performance.now() - before).toFixed(0)} ms\n`)
} finally {
  service.kill('SIGKILL')
  fs.rmSync(folder, { recursive: true })
}

/** MiB of main memory that the service holds now, or held at most since the last time that was asked. */
function memory(which: 'VmRSS' | 'VmHWM'): number {
  const [, kibibytes] = new RegExp(`^${which}:\\s+(\\d+) kB`, 'm').exec(
    fs.readFileSync(`/proc/${service.pid}/status`, 'utf8'),
  )!
  // Writing 5 sets the peak back to what is held now.
  if (which === 'VmHWM') fs.writeFileSync(`/proc/${service.pid}/clear_refs`, '5')
  return Math.round(Number(kibibytes) / 1024)
}

/** A worked solution, right or wrong, as long as models write them. */
function completionOf(i: number): string {
  const problem = task.problems[i % task.problems.length]!
  const steps = Array.from({ length: 400 }, (_, k) => `${k} + ${i} = ${k + i}${k % 7 === 0 ? '1' : ''}. `).join('')
  const end = i % 2 === 0 ? problem.solution! : `<answer>${i}</answer>`
  return `<think>${steps.slice(0, CHARACTERS - end.length - 15)}</think>${end}`.slice(0, CHARACTERS)
}

async function post(body: unknown, agent?: http.Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const request = http.request(
      { host: '127.0.0.1', port, path: '/v1/rewards', method: 'POST', headers, ...(agent && { agent }) },
      (response) => {
        text(response).then((answer) => {
          resolve({ status: response.statusCode!, body: answer })
        }, reject)
      },
    )
    request.on('error', reject)
    request.end(JSON.stringify(body))
  })
}

/** All clients send requests of so many completions, one after the other over one connection each. */
async function load(total: number, perRequest: number): Promise<Load> {
  const requests = Math.max(1, Math.floor(total / perRequest))
  const used = Math.min(clients, requests)
  const milliseconds: number[] = []
  let next = 0
  memory('VmHWM')
  const started = performance.now()
  await Promise.all(
    Array.from({ length: used }, async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      while (next < requests) {
        const first = next++ * perRequest
        const places = Array.from({ length: perRequest }, (_, i) => first + i)
        const body = {
          problem_ids: places.map((i) => task.problems[i % task.problems.length]!.id),
          completions: places.map(completionOf),
        }
        const sent = performance.now()
        const { status, body: answer } = await post(body, agent)
        milliseconds.push(performance.now() - sent)
        if (status !== 200) throw new Error(`${status}: ${answer}`)
        const { correct } = JSON.parse(answer) as { correct: boolean[] }
        if (places.some((i, k) => correct[k] !== (i % 2 === 0))) throw new Error('a reward is wrong')
      }
      agent.destroy()
    }),
  )
  const seconds = (performance.now() - started) / 1000
  milliseconds.sort((a, b) => a - b)
  const quantile = (q: number): number => milliseconds[Math.min(requests - 1, Math.ceil(q * requests) - 1)]!
  return {
    requests,
    perRequest,
    clients: used,
    p50: quantile(0.5),
    p99: quantile(0.99),
    seconds,
    mebibytes: memory('VmHWM'),
  }
}

async function isAlive(): Promise<boolean> {
  const { status } = await post({ problem_ids: [task.problems[0]!.id], completions: ['x'] })
  return status === 200
}

async function sendMalformed(): Promise<string> {
  // Once around, so that what only grows the first time does not count.
  for (const [i, make] of malformedRequests.entries()) await statusOf(port, make(i, task.problems[0]!.id))
  memory('VmHWM')
  const counts = new Map<string, number>()
  const held: number[] = []
  let next = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: CONCURRENT }, async () => {
      while (next < malformed) {
        const i = next++
        if (i % Math.ceil(malformed / 5) === 0) held.push(memory('VmRSS'))
        const status = await statusOf(port, malformedRequests[i % malformedRequests.length]!(i, task.problems[0]!.id))
        counts.set(`${status ?? 'cut off'}`, (counts.get(`${status ?? 'cut off'}`) ?? 0) + 1)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  const wrong = [...counts.keys()].filter((status) => !status.startsWith('4'))
  const answers = [...counts].sort().map(([status, count]) => `${status}: ${count}`)
  if (wrong.length > 0) throw new Error(`malformed requests got ${answers.join(', ')}`)
  const alive = await isAlive()
  return (
    `${malformed} malformed requests of ${malformedRequests.length} kinds in ${seconds.toFixed(1)} s: ${answers.join(', ')}; ` +
    `answers afterwards: ${alive}; memory ${held.join(', ')} MiB before each fifth, ${memory('VmRSS')} at the end, ${memory('VmHWM')} at most`
  )
}

/** Clients that send requests with long answers, one after the other, and never read. */
async function neverRead(): Promise<string> {
  const many = 30_000
  const body = JSON.stringify({
    problem_ids: new Array<string>(many).fill(task.problems[0]!.id),
    completions: new Array<string>(many).fill(''),
  })
  const head = `POST /v1/rewards HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  const before = memory('VmRSS')
  memory('VmHWM')
  const started = performance.now()
  const socket = net.connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.pause()
  let closed = 0
  socket.on('close', () => (closed = performance.now()))
  let alive = 0
  let sent = 0
  // As many as it takes until the connection is ended.
  while (closed === 0 && performance.now() - started < 180_000) {
    if (sent < 100) {
      socket.write(head + body)
      sent++
    }
    await sleep(1000)
    if (await isAlive()) alive++
  }
  const end = closed === 0 ? 'was never ended' : `was ended after ${((closed - started) / 1000).toFixed(0)} s`
  socket.destroy()
  return (
    `A client that sends requests of ${many} completions and never reads: its connection ${end}, after ${sent} requests; others ` +
    `were answered ${alive} times meanwhile; memory ${before} MiB before, ${memory('VmRSS')} after, ${memory('VmHWM')} at most`
  )
}

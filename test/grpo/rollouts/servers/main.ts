/**
 * Runs of GRPO whose completions two processes of `grpo-ts serve` sample, beside the same run by the own engine:
 *
 *   npm run test:rollouts
 *   npm run test:rollouts -- --steps 100
 *
 * With the same seed all completions and the trained adapter have to be the same, bit for bit; memory and disk must not grow with the
 * steps; and a server that is killed and started again costs nothing but time.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readEvaluation } from '../../../../src/run/evaluationFile.js'
import { startServe } from './serveProcess.js'
import type { ServeProcess } from './serveProcess.js'

const { values } = parseArgs({ options: { steps: { type: 'string', default: '50' } } })
const steps = Number(values.steps)
const root = path.resolve(import.meta.dirname, '../../../..')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-rollouts-'))
const MODEL = 'word-problems-2m'
/** After so many steps caches are as large as they get. */
const SETTLED = 5
/** Of a server that is killed, and started again. */
const [KILLED_AT, BACK_AT] = [4, 8]

const options =
  `--model ${MODEL} --task word-problems --limit 1600 --num-generations 8 --per-device-train-batch-size 64 --max-completion-length 64 ` +
  '--learning-rate 2e-3 --lr-scheduler-type constant --rewards correctness --seed 1 --threads 2 --no-preflight --save-strategy no'

/** What a run left, and what it took. */
interface Outcome {
  readonly folder: string
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

/** Trains in a process of its own; `watch` is called with the number of steps so far, several times a second. */
async function train(
  name: string,
  args: readonly string[],
  watch: (step: number, pid: number) => Promise<void> | void = () => undefined,
): Promise<Outcome> {
  const output = path.join(folder, name)
  const started = performance.now()
  const child = spawn(
    process.execPath,
    ['dist/cli/main.js', 'train', ...options.split(' '), '--output-dir', output, ...args],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const outputs = Promise.all([text(child.stdout), text(child.stderr)])
  const exited = once(child, 'exit') as Promise<[number | null]>
  const metrics = path.join(output, 'metrics.jsonl')
  while (child.exitCode === null && child.signalCode === null) {
    if (fs.existsSync(metrics)) await watch(fs.readFileSync(metrics, 'utf8').split('\n').length - 1, child.pid!)
    await Promise.race([wait(100), exited])
  }
  const [[code], [stdout, stderr]] = await Promise.all([exited, outputs])
  assert.equal(code, 0, `${name} ended with ${code}:\n${stdout}${stderr}`)
  return { folder: output, stdout, stderr, seconds: (performance.now() - started) / 1000 }
}

/** Resident memory of a process in MiB; null when it has ended. */
function memory(pid: number): number | null {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))!
    return Number(kibibytes) / 1024
  } catch {
    return null
  }
}

async function adaptersOf({ url }: ServeProcess): Promise<number> {
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { parent: string | null }[] }
  return data.filter(({ parent }) => parent !== null).length
}

/** Files below a folder, and their bytes. */
function diskUse(of: string): { files: number; bytes: number } {
  if (!fs.existsSync(of)) return { files: 0, bytes: 0 }
  const files = fs.readdirSync(of, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const bytes = files.reduce((sum, file) => sum + fs.statSync(path.join(file.parentPath, file.name)).size, 0)
  return { files: files.length, bytes }
}

const linesOf = (outcome: Outcome): string[] =>
  fs.readFileSync(path.join(outcome.folder, 'completions.jsonl'), 'utf8').trimEnd().split('\n')
const adapterOf = (outcome: Outcome): Buffer =>
  fs.readFileSync(path.join(outcome.folder, 'adapter', 'adapter_model.safetensors'))
const startServers = (): Promise<ServeProcess[]> =>
  Promise.all([1, 2].map(() => startServe([MODEL, '--threads', '1'], { isBuilt: true })))
const rolloutOf = (servers: readonly ServeProcess[]): string[] => [
  '--rollout',
  `{ engine: vllm, base_url: [${servers.map(({ url }) => url).join(', ')}] }`,
]

/** `base 41.5 %, trained 60.0 %` */
function accuracies(outcome: Outcome): string {
  const { policies } = readEvaluation(path.join(outcome.folder, 'eval.json'))
  return policies.map(({ name, greedy }) => `${name} ${(100 * greedy!.accuracy.value).toFixed(1)} %`).join(', ')
}

const learning = ['--max-steps', String(steps), '--do-eval', '--eval-limit', '200', '--num-generations-eval', '1']
try {
  const local = await train('local', learning)
  console.log(`own engine:   ${accuracies(local)} of 200 problems greedily, ${local.seconds.toFixed(0)} s`)

  const servers = await startServers()
  const rollouts = path.join(folder, 'served', 'rollout-adapters')
  let early: (number | null)[] | null = null
  let late: (number | null)[] = []
  let mostAdapters = 0
  let mostFiles = 0
  let mostBytes = 0
  const served = await train('served', [...learning, ...rolloutOf(servers)], async (step, pid) => {
    const now = [pid, ...servers.map((server) => server.pid)].map(memory)
    if (now.includes(null)) return
    // The evaluation after the last step is not what is measured.
    if (step >= SETTLED) early ??= now
    if (step < steps) late = now
    const disk = diskUse(rollouts)
    mostFiles = Math.max(mostFiles, disk.files)
    mostBytes = Math.max(mostBytes, disk.bytes)
    for (const server of servers) mostAdapters = Math.max(mostAdapters, await adaptersOf(server))
  })
  const left = await Promise.all(servers.map(adaptersOf))
  for (const server of servers) await server.kill()
  console.log(`two servers:  ${accuracies(served)} of 200 problems greedily, ${served.seconds.toFixed(0)} s`)
  assert.deepEqual(linesOf(served), linesOf(local))
  assert.deepEqual(adapterOf(served), adapterOf(local))
  const count = linesOf(local).length
  console.log(`the ${count} completions of ${steps} steps and the adapter are the same, bit for bit`)
  const metrics = fs
    .readFileSync(path.join(served.folder, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>)
  const largest = (name: string): number => Math.max(...metrics.map((step) => step[name]!))
  const DIFFERENCE = 'sampling/sampling_logp_difference'
  console.log(
    `log-probabilities of servers and policy: mean ${largest(`${DIFFERENCE}/mean`)} nats apart in the worst step, at most ${largest(`${DIFFERENCE}/max`)}`,
  )
  const shown = (all: readonly (number | null)[]): string => all.map((value) => value!.toFixed(0)).join(', ')
  console.log(
    `memory after step ${SETTLED}: ${shown(early!)} MiB (trainer, servers); before the last step: ${shown(late)} MiB`,
  )
  console.log(
    `adapters: ${steps} exchanged; at most ${mostAdapters} on a server at a time, ${mostFiles} files (${(mostBytes / 1024).toFixed(0)} KiB) on the disk; ` +
      `${left.join(' and ')} on the servers and ${diskUse(rollouts).files} files afterwards`,
  )
  assert.deepEqual(left, [0, 0])
  assert.ok(!fs.existsSync(rollouts))
  assert.ok(mostAdapters <= 2 && mostFiles <= 8)
  for (const [i, before] of early!.entries()) assert.ok(late[i]! < before! + 96, `process ${i} grows`)

  const again = await startServers()
  let isKilled = false
  let isBack = false
  const port = Number(new URL(again[0]!.url).port)
  const fewer = Math.min(steps, 20)
  const killed = await train('killed', ['--max-steps', String(fewer), ...rolloutOf(again)], async (step) => {
    if (!isKilled && step >= KILLED_AT) {
      isKilled = true
      await again[0]!.kill()
    } else if (!isBack && step >= BACK_AT) {
      isBack = true
      again[0] = await startServe([MODEL, '--threads', '1'], { port, isBuilt: true })
    }
  })
  const worked = await requestsOf(again[0]!)
  for (const server of again) await server.kill()
  assert.deepEqual(linesOf(killed), linesOf(local).slice(0, linesOf(killed).length))
  assert.match(killed.stderr, /the other servers take its work meanwhile/)
  assert.ok(worked > 0, 'the server that was started again got no work')
  console.log(
    `a server killed after step ${KILLED_AT} and started again after step ${BACK_AT}: the ${linesOf(killed).length} completions of ${fewer} steps ` +
      `are the same; it answered ${worked} requests for completions afterwards`,
  )
  console.log(killed.stderr.trimEnd())
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}

/** Requests for completions that a server has answered. */
async function requestsOf({ url }: ServeProcess): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const [, count] = /^\S*request_success\S* (\d+)/m.exec(metrics) ?? []
  assert.ok(count !== undefined, metrics)
  return Number(count)
}

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { BenchRecord } from '../report.js'

/** A part of the benchmark, in a process of its own, so that its failure takes nothing with it. */
export interface Section {
  readonly name: string
  /** Most seconds that it may take. */
  readonly limit: number
  /** Program and arguments; lines of its standard output that are records are taken as such. */
  readonly command: readonly [program: string, ...args: string[]]
  readonly environment?: NodeJS.ProcessEnv
}

/** What came of a section. */
export interface SectionResult {
  readonly name: string
  readonly command: string
  /** `late`: it was ended when its time was over. */
  readonly status: 'passed' | 'failed' | 'late'
  readonly seconds: number
  /** What it measured, up to where it ended. */
  readonly records: readonly BenchRecord[]
  /** The end of all else on its standard output. */
  readonly output: string
  /** The end of its standard error; of a section that passed nothing. */
  readonly errors: string
}

/** Characters that are kept of what a section says. */
const MOST_OUTPUT = 10_000
const MOST_ERRORS = 4000
/** Seconds that a process has to end by itself. */
const GRACE = 5

/** Runs a section, for at most so many seconds. Never throws. */
export async function runSection(
  { name, limit, command, environment }: Section,
  secondsLeft: number,
): Promise<SectionResult> {
  const [program, ...args] = command
  const started = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
  const late = { is: false }
  const end = (signal: 'SIGTERM' | 'SIGKILL', seconds: number): NodeJS.Timeout =>
    setTimeout(() => {
      late.is = true
      child.kill(signal)
    }, 1000 * seconds)
  const most = Math.max(1, Math.min(limit, secondsLeft))
  const timers = [end('SIGTERM', most), end('SIGKILL', most + GRACE)]
  const records: BenchRecord[] = []
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const record = asRecord(line)
    if (record) records.push(record)
    else lines.push(line)
  })
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message)
    })
    child.on('close', (code, signal) => {
      resolve(code === 0 ? null : (signal ?? `exit code ${code}`))
    })
  })
  const [failure, errors] = await Promise.all([ended, text(child.stderr)])
  timers.forEach(clearTimeout)
  return {
    name,
    command: command.join(' '),
    status: late.is ? 'late' : failure === null ? 'passed' : 'failed',
    seconds: (performance.now() - started) / 1000,
    records,
    output: lines.join('\n').slice(-MOST_OUTPUT),
    errors: failure === null ? '' : `${errors.trimEnd().slice(-MOST_ERRORS)}\n${failure}`.trimStart(),
  }
}

/** The record that a line holds; null for other lines. */
function asRecord(line: string): BenchRecord | null {
  if (!line.startsWith('{"benchmark"')) return null
  try {
    return JSON.parse(line) as BenchRecord
  } catch {
    return null
  }
}

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { mean } from '../../src/grpo/metrics/statistics.js'
import { runLayout } from '../../src/run/layout.js'
import { foldersOf } from './page.js'

/** A line of diagnosis.jsonl. */
export interface SaidFinding {
  readonly step: number
  readonly name: string
  readonly subject: string | null
  readonly severity: string
  readonly message: string
  readonly advice: string
  readonly state: string
}

/** What a block of commands gave. */
export interface CommandsResult {
  readonly status: number | null
  /** The line of the error, without the word; null without one. */
  readonly error: string | null
  readonly findings: readonly SaidFinding[]
  readonly metrics: readonly Readonly<Record<string, number | null>>[]
}

const root = path.resolve(import.meta.dirname, '../..')

/** Steps at either end of a run whose mean is shown. */
const STEPS = 5

/** Runs lines of a shell in the root of the repository, with its own build for `npx grpo-ts`; the folders of their runs are replaced. */
export function runCommands(commands: string): CommandsResult {
  const folders = foldersOf(commands)
  for (const folder of folders) fs.rmSync(path.join(root, folder), { recursive: true, force: true })
  const program = `${JSON.stringify(process.execPath)} ${JSON.stringify(path.join(root, 'dist/cli/main.js'))}`
  const { status, stderr } = spawnSync('bash', ['-c', commands.replaceAll('npx grpo-ts', program)], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const layout = runLayout(path.join(root, folders.at(-1)!))
  return {
    status,
    error: /^error: (.+)$/m.exec(stderr)?.[1] ?? null,
    findings: linesOf<SaidFinding>(layout.diagnosis),
    metrics: linesOf<Record<string, number | null>>(layout.metrics),
  }
}

/** `0.12 → 0.96`: means of a metric over the first and last five steps that have it, fewer of a short run; null where none has. */
export function course(metrics: CommandsResult['metrics'], name: string): string | null {
  const values = metrics.flatMap((step) => step[name] ?? [])
  if (values.length === 0) return null
  const count = Math.max(1, Math.min(STEPS, values.length >> 1))
  return [values.slice(0, count), values.slice(-count)].map((some) => shown(mean(some))).join(' → ')
}

function shown(value: number): string {
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 0.01 || value === 0
      ? value.toFixed(2)
      : value.toExponential(0)
}

function linesOf<T>(file: string): T[] {
  if (!fs.existsSync(file)) return []
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T)
}

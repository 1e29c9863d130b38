import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runCommandLine } from '../../src/cli/commandLine.js'

/** What a command line left behind. */
export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** Runs `grpo-ts` in this process. */
export async function run(args: readonly string[], stdin = ''): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const outputs = Promise.all([text(stdout), text(stderr)])
  const code = await runCommandLine(args, { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr })
  stdout.end()
  stderr.end()
  const [out, error] = await outputs
  return { code, stdout: out, stderr: error }
}

/** Starts `grpo-ts` as a program of its own. */
export function start(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  const root = path.resolve(import.meta.dirname, '../..')
  return spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

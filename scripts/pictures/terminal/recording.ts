import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { atomicWriteFile } from '../../../src/io/atomicWrite.js'

/** What a program wrote to a terminal, and when. */
export interface Recording {
  readonly columns: number
  readonly rows: number
  /** What was run, as a user types it. */
  readonly command: string
  /** Seconds since the start, and what was written then. */
  readonly events: readonly (readonly [seconds: number, text: string])[]
  /** Seconds until the program ended. */
  readonly seconds: number
}

/**
 * Runs a command of a POSIX shell in a terminal of the given size, without showing it, and keeps what it writes in an asciicast
 * file (version 2, which asciinema plays).
 * @param exitCodes that count as success. Defaults to 0 alone
 * @throws Error when it ends otherwise, or where the program `script` that makes the terminal is missing
 */
export async function recordTerminal(
  file: string,
  command: string,
  options: { columns: number; rows: number; cwd: string; run?: string; exitCodes?: readonly number[] },
): Promise<Recording> {
  const { columns, rows, cwd, run = command, exitCodes = [0] } = options
  const inTerminal = `stty cols ${columns} rows ${rows} && exec ${run}`
  // The program of util-linux, and that of macOS and BSD.
  const args =
    process.platform === 'linux' ? ['-qefc', inTerminal, '/dev/null'] : ['-q', '/dev/null', '/bin/sh', '-c', inTerminal]
  const events: [number, string][] = []
  const decoder = new TextDecoder()
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    const child = spawn('script', args, {
      cwd,
      env: { ...process.env, TERM: 'xterm-256color' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.on('data', (bytes: Buffer) => {
      events.push([seconds(), decoder.decode(bytes, { stream: true })])
    })
    child.on('error', (error) => {
      reject(
        new Error(
          `${command} cannot be recorded: the program 'script' does not start (${error.message}); ` +
            'install util-linux or bsdutils, which have it',
        ),
      )
    })
    child.on('close', resolve)
  })
  const recording = { columns, rows, command, events, seconds: seconds() }
  if (exitCode === null || !exitCodes.includes(exitCode)) {
    const end = events
      .map(([, text]) => text)
      .join('')
      .slice(-2000)
    throw new Error(
      `${command} ended with ${exitCode ?? 'a signal'}, expected ${exitCodes.join(' or ')}; it wrote:\n${end}`,
    )
  }
  const header = { version: 2, width: columns, height: rows, duration: recording.seconds, command }
  const lines = [header, ...events.map(([time, text]) => [time, 'o', text])]
  fs.mkdirSync(path.dirname(file), { recursive: true })
  atomicWriteFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return recording
}

/**
 * A recording that was kept.
 * @throws Error when the file is missing
 */
export function readRecording(file: string): Recording {
  if (!fs.existsSync(file)) throw new Error(`there is no ${file}; run \`npm run pictures\` without --stored first`)
  const [header, ...events] = fs
    .readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  const { width, height, duration, command } = header as {
    width: number
    height: number
    duration: number
    command: string
  }
  return {
    columns: width,
    rows: height,
    command,
    events: (events as [number, string, string][]).map(([time, , text]) => [time, text] as const),
    seconds: duration,
  }
}

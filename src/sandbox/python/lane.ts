import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { GrpoError } from '../../errors.js'
import type { CodeLimits, CodeRun, CodeVerdict } from '../codeRun.js'
import type { Lane } from '../pool.js'

const SUPERVISOR = fileURLToPath(new URL('./supervisor.py', import.meta.url))
/** An answer of the supervisor is never longer. */
const MAX_ANSWER = 1 << 20

/**
 * Time, in ms, after which a lane that has not answered is taken for stuck: the supervisor ends programs itself, and does not
 * count, up to three times the limit, the time in which they wait for a processor.
 */
export function patienceOf(timeLimit: number): number {
  return 4 * timeLimit + 90_000
}

type PythonJob = CodeRun & CodeLimits

interface PythonOutcome {
  readonly result: CodeVerdict
  readonly reusable: boolean
}

/** The first message of the supervisor. */
type Greeting = { readonly missing: readonly string[] } | { readonly error: string }

/**
 * Starts a process that runs Python programs. Warns, once, of what this system does not keep from programs. Throws a GrpoError
 * when there is no Python, or when programs cannot be confined.
 */
export async function startPythonLane(): Promise<Lane<PythonJob, CodeVerdict>> {
  // A group of its own: Ctrl-C on the terminal is not for it, and it can be ended as a whole. No environment but the way to
  // Python.
  const child = spawn('python3', ['-I', '-B', SUPERVISOR], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    detached: true,
  })
  child.stdin.on('error', () => undefined)
  let hasEnded = false
  let received = Buffer.alloc(0)
  let waiting: { resolve: (message: unknown) => void; reject: (reason: Error) => void } | null = null
  const ended = new Promise<never>((_, reject) => {
    child.on('error', reject)
    child.on('exit', () => {
      kill()
      hasEnded = true
      reject(new Error('the Python process ended'))
    })
  })
  ended.catch((reason: unknown) => waiting?.reject(reason as Error))
  child.stdout.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data])
    if (received.length < 4 || received.length < 4 + received.readUInt32BE(0)) {
      if (received.length > MAX_ANSWER) kill()
      return
    }
    const message = received.subarray(4, 4 + received.readUInt32BE(0)).toString('utf8')
    received = Buffer.alloc(0)
    try {
      waiting?.resolve(JSON.parse(message))
    } catch (error) {
      waiting?.reject(error as Error)
    }
  })
  const nextMessage = (): Promise<unknown> =>
    Promise.race([ended, new Promise((resolve, reject) => (waiting = { resolve, reject }))])
  /** Ends the supervisor and with it, as they cannot leave its group, the program and its tests. */
  const kill = (): void => {
    // The number of a group that has ended may be another's.
    if (child.pid === undefined || hasEnded) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // There is no one left in the group.
    }
  }
  let greeting: Greeting
  try {
    greeting = (await nextMessage()) as Greeting
  } catch (cause) {
    const reason = (cause as Error).message
    throw new GrpoError(`python3 cannot be started (${reason}); Python programs need Python 3.8 or newer on the PATH`, {
      cause,
    })
  }
  if ('error' in greeting) {
    kill()
    throw new GrpoError(`Python programs cannot be confined here: ${greeting.error}; see docs/sandbox.md`)
  }
  warnOf(greeting.missing)
  const handles = [child, child.stdin, child.stdout] as { ref?: () => void; unref?: () => void }[]
  return {
    async run({ program, tests, context = '', entryPoint = null, inPlace = false, timeLimit, memoryLimit }) {
      const answer = nextMessage()
      child.stdin.write(framed({ timeLimit, memoryLimit }))
      child.stdin.write(framed({ program }))
      child.stdin.write(framed({ tests, context, entryPoint, inPlace }))
      return (await answer) as PythonOutcome
    },
    kill,
    setIdle(isIdle) {
      for (const handle of handles)
        if (isIdle) handle.unref?.()
        else handle.ref?.()
    },
  }
}

let hasWarned = false

function warnOf(missing: readonly string[]): void {
  if (hasWarned || missing.length === 0) return
  hasWarned = true
  process.emitWarning(`Python programs are not fully confined on this system: ${missing.join('; ')} (docs/sandbox.md)`)
}

function framed(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message))
  const size = Buffer.alloc(4)
  size.writeUInt32BE(body.length)
  return Buffer.concat([size, body])
}

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { GrpoError } from '../../errors.js'
import type { CodeLimits, CodeRun, CodeVerdict } from '../codeRun.js'
import type { Lane } from '../pool.js'

const SUPERVISOR = fileURLToPath(new URL('./supervisor.py', import.meta.url))
/** An answer of the supervisor is never longer. */
const MAX_ANSWER = 1 << 20

type PythonJob = CodeRun & CodeLimits

interface PythonOutcome {
  readonly result: CodeVerdict
  readonly reusable: boolean
}

/** Starts a process that runs Python programs. Throws a GrpoError when there is no Python. */
export async function startPythonLane(): Promise<Lane<PythonJob, CodeVerdict>> {
  // A group of its own: Ctrl-C on the terminal is not for it. No environment but the way to Python.
  const child = spawn('python3', ['-I', '-B', SUPERVISOR], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    detached: true,
  })
  child.stdin.on('error', () => undefined)
  let received = Buffer.alloc(0)
  let waiting: { resolve: (message: unknown) => void; reject: (reason: Error) => void } | null = null
  const ended = new Promise<never>((_, reject) => {
    child.on('error', reject)
    child.on('exit', () => {
      reject(new Error('the Python process ended'))
    })
  })
  ended.catch((reason: unknown) => waiting?.reject(reason as Error))
  child.stdout.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data])
    if (received.length < 4 || received.length < 4 + received.readUInt32BE(0)) {
      if (received.length > MAX_ANSWER) child.kill('SIGKILL')
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
  try {
    await nextMessage()
  } catch (cause) {
    const reason = (cause as Error).message
    throw new GrpoError(`python3 cannot be started (${reason}); Python programs need Python 3.8 or newer on the PATH`, {
      cause,
    })
  }
  const handles = [child, child.stdin, child.stdout] as { ref?: () => void; unref?: () => void }[]
  return {
    async run({ program, tests, context, entryPoint, timeLimit, memoryLimit }) {
      const answer = nextMessage()
      child.stdin.write(framed({ program, timeLimit, memoryLimit }))
      child.stdin.write(framed({ tests, context: context ?? null, entryPoint: entryPoint ?? null }))
      return (await answer) as PythonOutcome
    },
    kill() {
      child.kill('SIGKILL')
    },
    setIdle(isIdle) {
      for (const handle of handles)
        if (isIdle) handle.unref?.()
        else handle.ref?.()
    },
  }
}

function framed(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message))
  const size = Buffer.alloc(4)
  size.writeUInt32BE(body.length)
  return Buffer.concat([size, body])
}

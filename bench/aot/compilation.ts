import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { ProgramFigures } from './budget.js'
import type { CompiledName } from './models.js'
import type { ProgramName, ProgramSizes } from './programs.js'
import type { Target } from './targets.js'

/** A program to be compiled for a card. */
export interface CompileJob {
  /** The plugin's file. */
  readonly plugin: string
  readonly target: Target
  readonly model: CompiledName
  readonly program: ProgramName
  readonly sizes: ProgramSizes
  /** Bytes of the card, which say how much the engine computes at one time. */
  readonly memory: number
  /** Options of XLA beside those that the engine gives it. */
  readonly flags: Readonly<Record<string, string | number | boolean>>
}

/**
 * Compiles a program in a process of its own, which the compiler may crash or fill, and returns its figures.
 * @throws Error with what the process said, when it fails or takes longer than `seconds`
 */
export async function compileApart(job: CompileJob, seconds: number): Promise<ProgramFigures> {
  const worker = path.join(import.meta.dirname, 'worker.ts')
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), worker], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // XLA tells of every pass otherwise.
    env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env },
  })
  const late = { is: false }
  const timer = setTimeout(() => {
    late.is = true
    child.kill('SIGKILL')
  }, 1000 * seconds)
  const ended = new Promise<string | null>((resolve) => {
    child.on('close', (code, signal) => {
      resolve(code === 0 ? null : (signal ?? `exit code ${code}`))
    })
  })
  child.stdin.on('error', () => undefined).end(JSON.stringify(job))
  const [failure, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  clearTimeout(timer)
  if (failure === null) return JSON.parse(output) as ProgramFigures
  const why = late.is ? `took more than ${seconds} s` : `failed (${failure}): ${errors.trim().slice(-1500)}`
  throw new Error(`compiling ${job.program} of ${job.model} for ${job.target.name} ${why}`)
}

import { ConfigError, GrpoError } from '../../errors.js'

/** The exit codes of `grpo-ts`, besides those of {@link Interrupted}. */
export const ExitCode = { success: 0, error: 1, usage: 2 } as const

/** The signals that end a program, with their numbers; SIGPIPE stands for a reader of the output that is gone. */
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const

export type EndSignal = keyof typeof signalNumbers

/** Thrown when a signal, such as that of Ctrl-C, ended a verb that has said so itself. */
export class Interrupted extends Error {
  override name = 'Interrupted'
  constructor(readonly signal: EndSignal = 'SIGINT') {
    super(`interrupted by ${signal}`)
  }

  /** What shells give a program that the signal ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. */
  get exitCode(): number {
    return 128 + signalNumbers[this.signal]
  }
}

/** Prints an error and returns the exit code; an error that was not thrown on purpose comes with its stack. */
export function reportError(error: unknown, stderr: NodeJS.WritableStream): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof GrpoError) {
    stderr.write(`error: ${error.message}\n`)
    return error instanceof ConfigError ? ExitCode.usage : ExitCode.error
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  stderr.write(`${text}\n\nThis is an error in grpo-ts: please report it with the lines above.\n`)
  return ExitCode.error
}

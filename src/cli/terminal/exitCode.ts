import { ConfigError, GrpoError } from '../../errors.js'

/** The exit codes of `grpo-ts`; 130 is what shells give a program that Ctrl-C ended. */
export const ExitCode = { success: 0, error: 1, usage: 2, interrupted: 130 } as const

/** Thrown when Ctrl-C ended a verb that has said so itself. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Prints an error and returns the exit code; an error that was not thrown on purpose comes with its stack. */
export function reportError(error: unknown, stderr: NodeJS.WritableStream): number {
  if (error instanceof Interrupted) return ExitCode.interrupted
  if (error instanceof GrpoError) {
    stderr.write(`error: ${error.message}\n`)
    return error instanceof ConfigError ? ExitCode.usage : ExitCode.error
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  stderr.write(`${text}\n\nThis is an error in grpo-ts: please report it with the lines above.\n`)
  return ExitCode.error
}

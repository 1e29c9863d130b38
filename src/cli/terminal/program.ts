import fs from 'node:fs'
import { runningUserCode, watchEscapedErrors } from '../../io/userCode.js'
import { endProgram, isProgramEnding } from './endProgram.js'
import { ExitCode, Interrupted, reportError } from './exitCode.js'
import { endSignals, interruptBy, isInterruptible } from './interruptible.js'

/**
 * Runs the program and ends the process with the exit code that it gives, when all output has been taken: what a module of the
 * user left open, such as a timer, keeps nothing alive. Signals end it at once while nothing runs that could save something.
 */
export async function runProgram(run: () => Promise<number>): Promise<never> {
  let code: number = ExitCode.success
  for (const name of endSignals) {
    process.on(name, () => {
      if (!isInterruptible()) endProgram(new Interrupted(name).exitCode)
    })
  }
  for (const stream of [process.stdout, process.stderr]) {
    // The reader of a pipe may stop early (`grpo-ts … | head`), and a terminal may be closed.
    stream.on('error', () => {
      if (isInterruptible()) interruptBy('SIGPIPE')
      else endProgram(code)
    })
  }
  watchEscapedErrors((error) => {
    if (!isInterruptible()) void end(reportError(error, process.stderr))
  })
  process.on('exit', (exitCode) => {
    if (!isProgramEnding()) process.exitCode = tellUnwantedEnd(exitCode)
  })
  code = await run()
  return end(code)
}

async function end(code: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map(flushed))
  endProgram(code)
}

/** Resolves when everything that was written has been taken, or can never be. */
function flushed(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve()
    })
  })
}

/** Says that something else ended the process, and returns an exit code that is not 0. */
function tellUnwantedEnd(exitCode: number): number {
  const who = runningUserCode() ?? 'something'
  const message =
    `error: ${who} ended the process (exit code ${exitCode}) before grpo-ts was done. A run goes on from its last checkpoint ` +
    'with --resume, when that call of process.exit is removed\n'
  try {
    fs.writeSync(process.stderr.fd, message)
  } catch {
    // Nobody can be told.
  }
  return exitCode === 0 ? ExitCode.error : exitCode
}

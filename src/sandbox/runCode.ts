import { ConfigError } from '../errors.js'
import { defaultLimits } from './codeRun.js'
import type { CodeLimits, CodeRun, CodeVerdict } from './codeRun.js'
import { startJavaScriptLane } from './javascript/lane.js'
import { MAX_PATIENCE } from './javascript/runState.js'
import { Pool } from './pool.js'
import { patienceOf, startPythonLane } from './python/lane.js'

/** What a program may use, and whether Python may run at all. */
export interface RunCodeOptions extends Partial<CodeLimits> {
  /**
   * Allows Python programs. They run as processes of this machine: kept from files, network and other processes as far as the
   * system can do that (see docs/sandbox.md), but not by a virtual machine. Defaults to false.
   */
  allowPython?: boolean
}

/** Time, in ms, that the machinery around a program may take beyond its limit before it is ended from outside. */
const GRACE = 2000

const javaScript = new Pool(startJavaScriptLane)
const python = new Pool(startPythonLane)

/**
 * Runs a program of unknown intent against tests and says whether it passed. Whatever the program does (endless loops, memory
 * bombs, faked results, attempts to get out) it fails itself and nothing else. As many programs run at a time as there are
 * cores.
 *
 * Throws a {@link ConfigError} for Python unless it is allowed, and a GrpoError when no sandbox can be started.
 */
export async function runCode(run: CodeRun, options: RunCodeOptions = {}): Promise<CodeVerdict> {
  const { timeLimit = defaultLimits.timeLimit, memoryLimit = defaultLimits.memoryLimit } = options
  const job = { ...run, timeLimit, memoryLimit }
  if (run.language === 'python' && options.allowPython !== true) {
    throw new ConfigError(
      'running Python programs that a model wrote has to be allowed, by allowPython: true or --allow-python; ' +
        'they run as processes of this machine (docs/sandbox.md)',
    )
  }
  const verdict = await (run.language === 'python'
    ? python.run(job, patienceOf(timeLimit))
    : javaScript.run(job, MAX_PATIENCE * timeLimit + GRACE))
  const { passed, reason } = verdict ?? {
    passed: false,
    reason: `time limit of ${timeLimit} ms, or the end of its sandbox`,
  }
  // A reason may hold what the program threw, and goes to terminals and files.
  return { passed, reason: reason?.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ') ?? null }
}

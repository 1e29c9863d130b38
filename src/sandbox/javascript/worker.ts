/** The thread in which JavaScript of unknown intent runs, inside QuickJS compiled to WebAssembly; see quickjs.ts. */
import { parentPort } from 'node:worker_threads'
import type { CodeLimits, CodeRun, CodeVerdict } from '../codeRun.js'
import { runInQuickJS, startRealms } from './quickjs.js'
import type { RealmPair } from './quickjs.js'

/** One run, with all limits. */
export type JavaScriptJob = CodeRun & CodeLimits

export interface JavaScriptResult {
  readonly result: CodeVerdict
  /** Whether the thread can run another program. */
  readonly reusable: boolean
}

let realms: RealmPair | null = await startRealms()

parentPort?.on('message', (job: JavaScriptJob) => {
  void answer(job).then((outcome) => {
    parentPort?.postMessage(outcome)
  })
})
parentPort?.postMessage('ready')

async function answer(job: JavaScriptJob): Promise<JavaScriptResult> {
  try {
    const code = job.language === 'typescript' ? await stripped(job) : job
    realms ??= await startRealms()
    const { isReusable, ...result } = runInQuickJS(realms, code)
    // At once, so that the next program does not wait for it.
    if (!isReusable) realms = await startRealms()
    return { result, reusable: true }
  } catch (error) {
    // Not the program's own exception, but one of an engine or of the compiler, which are then not to be trusted any more.
    const reason = `the engine failed: ${error instanceof Error ? error.message : String(error)}`
    return { result: { passed: false, reason }, reusable: false }
  }
}

/**
 * Program and tests without their types. What is no TypeScript is left for the engine to complain about. Throws when the
 * compiler itself fails, as it does on what is nested too deeply.
 */
async function stripped(job: JavaScriptJob): Promise<JavaScriptJob> {
  // Large, and hardly ever needed.
  const { transformSync } = await import('@swc/wasm-typescript')
  const strip = (code: string): string => {
    try {
      return transformSync(code, { mode: 'transform', module: true }).code
    } catch (error) {
      // Errors of syntax are objects of another kind.
      if (error instanceof Error) throw error
      return code
    }
  }
  return { ...job, program: strip(job.program), tests: strip(job.tests), context: strip(job.context ?? '') }
}

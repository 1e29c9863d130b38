/** The thread in which JavaScript of unknown intent runs, inside QuickJS compiled to WebAssembly; see quickjs.ts. */
import { parentPort } from 'node:worker_threads'
import { newQuickJSWASMModuleFromVariant } from 'quickjs-emscripten-core'
import type { QuickJSWASMModule } from 'quickjs-emscripten-core'
import type { CodeLimits, CodeRun, CodeVerdict } from '../codeRun.js'
import { runInQuickJS } from './quickjs.js'

/** One run, with all limits. */
export type JavaScriptJob = CodeRun & CodeLimits

export interface JavaScriptResult {
  readonly result: CodeVerdict
  readonly reusable: true
}

/** The memory of an engine never shrinks, and what leaks in it stays: begin anew after so many runs. */
const MAX_RUNS = 200

let engine: QuickJSWASMModule | null = null
let runs = 0

parentPort?.on('message', (job: JavaScriptJob) => {
  void answer(job)
})
await startEngine()
parentPort?.postMessage('ready')

async function answer(job: JavaScriptJob): Promise<void> {
  let result: CodeVerdict
  try {
    const { isHarmless, ...verdict } = runInQuickJS(
      await startEngine(),
      job.language === 'typescript' ? await stripped(job) : job,
    )
    result = verdict
    if (!isHarmless || ++runs >= MAX_RUNS) engine = null
  } catch (error) {
    // Not the program's own exception, but one of the engine, which is then not to be trusted any more.
    engine = null
    result = { passed: false, reason: `the engine failed: ${error instanceof Error ? error.message : String(error)}` }
  }
  parentPort?.postMessage({ result, reusable: true } satisfies JavaScriptResult)
}

async function startEngine(): Promise<QuickJSWASMModule> {
  if (engine !== null) return engine
  runs = 0
  engine = await newQuickJSWASMModuleFromVariant(import('@jitl/quickjs-wasmfile-release-sync'))
  return engine
}

/** Program and tests without their types. A program that is no TypeScript is left for the engine to complain about. */
async function stripped(job: JavaScriptJob): Promise<JavaScriptJob> {
  // Large, and hardly ever needed.
  const { transformSync } = await import('@swc/wasm-typescript')
  const strip = (code: string): string => {
    try {
      return transformSync(code, { mode: 'transform', module: true }).code
    } catch {
      return code
    }
  }
  return { ...job, program: strip(job.program), tests: strip(job.tests) }
}

import type { CompileListener } from '../../xla/runtime/runner.js'
import { printLine } from './progress.js'
import type { Streams } from './streams.js'

/** Milliseconds after which compiling is worth a line. */
const PATIENCE = 1500

/** Names the programs whose compiling takes long: nothing else moves until they are compiled. */
export function showCompiling(stream: Streams['stderr']): CompileListener {
  let explanation = '; each is compiled once, and kept on disk for later runs'
  return (program, compiled) => {
    const timer = setTimeout(() => {
      printLine(stream, `compile  ${program}${explanation}`)
      explanation = ''
    }, PATIENCE)
    const end = (): void => {
      clearTimeout(timer)
    }
    compiled.then(end, end)
  }
}

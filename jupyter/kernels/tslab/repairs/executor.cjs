// The executor runs repaired sources and tells what a cell failed with (tslab only prints it to stderr).
const { format } = require('node:util')
const { repairCellSource } = require('./cellSource.cjs')

/**
 * Name, message and traceback of what the executor reported for a failed cell: an error that was thrown, or the type checker's lines.
 * @param {unknown[][]} reports the arguments of each call of its console.error
 */
function describeFailure(reports) {
  const thrown = reports.find((args) => args.length === 1)?.[0]
  const traceback = reports
    .map((args) => format(...args))
    .join('\n')
    .split('\n')
    .filter((line) => !/^\s+at .*(tslab[\\/](dist|repairs|launch)|node:vm|node:internal)/.test(line))
  if (thrown instanceof Error || (thrown && thrown.name && 'message' in thrown)) {
    return { ename: thrown.name, evalue: String(thrown.message), traceback }
  }
  return { ename: thrown === undefined ? 'TypeScriptError' : 'Error', evalue: traceback[0].trim(), traceback }
}

/**
 * @param {NodeJS.Require} tslab `require` of tslab's files
 * @param typescript the TypeScript compiler
 * @returns {{ failure: { ename: string, evalue: string, traceback: string[] } | null, isSynchronous: boolean }} state of the cell that
 *   runs: what it failed with, and whether its synchronous part (up to its first await) is running now
 */
exports.repairExecutor = function (tslab, typescript) {
  const state = { failure: null, isSynchronous: false }
  const module = tslab('./executor.js')
  const { createExecutor } = module
  module.createExecutor = (folder, converters, console) => {
    const reports = []
    const executor = createExecutor(folder, converters, { log: console.log, error: (...args) => reports.push(args) })
    const { execute } = executor
    executor.execute = async (source) => {
      reports.length = 0
      state.failure = null
      let running
      state.isSynchronous = true
      try {
        running = execute(repairCellSource(typescript, source))
      } finally {
        state.isSynchronous = false
      }
      const succeeded = await running
      if (succeeded) for (const args of reports) console.error(...args)
      else state.failure = describeFailure(reports)
      return succeeded
    }
    return executor
  }
  return state
}

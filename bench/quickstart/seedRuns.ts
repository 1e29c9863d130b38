import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { QuickstartOptions } from '../../src/cli/quickstart/quickstart.js'
import type { QuickstartSummary } from '../../src/cli/quickstart/summary.js'
import { readJson } from '../../src/io/readJsonFile.js'
import { runLayout } from '../../src/run/layout.js'

/** The folder of a run below the folder of a subject's runs. */
export function seedFolder(runs: string, seed: number, placebo: boolean): string {
  return path.join(runs, `${placebo ? 'placebo' : 'seed'}-${seed}`)
}

/**
 * Runs the quickstart with a seed in a process of its own, whose output goes to a .log file beside the folder of the run, unless it has
 * been run to its end before. What was interrupted begins anew, for its time to be that of a whole run. Throws an Error when the
 * process fails.
 */
export async function runSeed(options: QuickstartOptions): Promise<QuickstartSummary> {
  const { seed, placebo, outputDir } = options
  const file = runLayout(outputDir).summary
  if (!fs.existsSync(file)) {
    fs.rmSync(outputDir, { recursive: true, force: true })
    fs.mkdirSync(path.dirname(outputDir), { recursive: true })
    const log = `${outputDir}.log`
    const descriptor = fs.openSync(log, 'w')
    try {
      const child = spawn(process.execPath, [path.join(import.meta.dirname, 'child.mjs'), JSON.stringify(options)], {
        stdio: ['ignore', descriptor, descriptor],
      })
      const ended = await new Promise((resolve, reject) => {
        child.once('error', reject).once('exit', (code, signal) => {
          resolve(signal ?? code)
        })
      })
      if (ended !== 0) {
        const what = `the quickstart with seed ${seed}${placebo ? ' and placebo' : ''}`
        throw new Error(`${what} ended with ${String(ended)}; see ${log}:\n${lastLines(log)}`)
      }
    } finally {
      fs.closeSync(descriptor)
    }
  }
  return readJson(file) as QuickstartSummary
}

function lastLines(file: string): string {
  return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
}

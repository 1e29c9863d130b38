import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../../src/errors.js'
import { atomicWriteJson } from '../../src/io/atomicWrite.js'
import { readJson } from '../../src/io/readJsonFile.js'
import type { QuickstartSummary } from '../../src/cli/quickstart/summary.js'

const root = path.resolve(import.meta.dirname, '../..')

/** Commands that terminal scenes show, by the names that the script has for them, as they are typed. */
export const commands: Readonly<Record<string, { typed: string; args: readonly string[] }>> = {
  start: { typed: 'npm start', args: ['quickstart'] },
  placebo: { typed: 'npm start -- --placebo', args: ['quickstart', '--placebo'] },
}

/** What a command printed, and when, in seconds since it began. */
export interface Printed {
  readonly seconds: number
  readonly lines: readonly { readonly at: number; readonly text: string }[]
}

/** Runs a command of {@link commands} in `folder`, where the run goes to runs/NAME, and keeps what it prints in NAME.json there. */
export async function runCommand(name: string, folder: string): Promise<void> {
  const { typed, args } = commands[name]!
  const outputDir = path.join('runs', name)
  fs.rmSync(path.join(folder, outputDir), { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  const program = path.join(root, 'dist/cli/main.js')
  const child = spawn(process.execPath, [program, ...args, '--output-dir', outputDir], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: { at: number; text: string }[] = []
  const started = performance.now()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      lines.push({ at: (performance.now() - started) / 1000, text: data.toString() })
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) {
    const end = lines.map(({ text }) => text).join('').slice(-500) // prettier-ignore
    throw new GrpoError(`${typed} ended with ${code ?? 'a signal'} instead of 0:\n${end}`)
  }
  atomicWriteJson(path.join(folder, `${name}.json`), { seconds: (performance.now() - started) / 1000, lines })
}

export function readPrinted(name: string, folder: string): Printed {
  return readJson(path.join(folder, `${name}.json`)) as Printed
}

export function readSummary(name: string, folder: string): QuickstartSummary {
  return readJson(path.join(folder, 'runs', name, 'summary.json')) as QuickstartSummary
}

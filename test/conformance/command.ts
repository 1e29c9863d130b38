import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { selectEngine } from './api.js'
import type { EngineName, EngineOptions } from './api.js'
import { listFiles } from './referenceFiles.js'
import { ReportTable, summarize } from './report.js'
import type { ReportRow } from './report.js'
import { parts, runConformance } from './run.js'

const usage = `npm run conformance -- DIR [--engine NAME] [--device KIND] [--precision FORMAT] [--only PART]…
                          [--model DIR] [--json FILE]

DIR      reference files laid out like ../shared/golden, or ../shared/golden-smollm2
--engine, --device, --precision   what computes, as with grpo-ts train
--only   ${parts.map((part) => part.name).join(', ')}; may be given several times
--model  model that reference files without one of their own belong to; by default the one that
         ../models/unpack.mjs, seen from DIR, unpacks
--json   writes the rows of the table to a file

Ends with 1 when something failed, and with 2 when nothing could be run.`

/**
 * Compares grpo-ts with every reference file of a folder and prints a table.
 * @returns 0, or 1 when something failed
 */
export async function conformance(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      engine: { type: 'string', default: 'auto' },
      device: { type: 'string' },
      precision: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      model: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    print(usage)
    return 0
  }
  const [root] = positionals
  if (root === undefined || positionals.length > 1) throw new Error(`expected one folder of reference files\n${usage}`)
  if (!fs.statSync(root, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${root} is not a folder`)
  const unknown = values.only.find((name) => !parts.some((part) => part.name === name))
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}\n${usage}`)

  const { device, precision } = values as Pick<EngineOptions, 'device' | 'precision'>
  const { name, why } = await selectEngine(values.engine as EngineName | 'auto', { device, precision })
  print(`engine ${name}: ${why}\n`)
  const table = new ReportTable(listFiles(root))
  print(table.heading())
  const rows: ReportRow[] = []
  const modelFolder = (): string => values.model ?? unpackedModel(root)
  for await (const row of runConformance({ root, modelFolder }, values.only)) {
    rows.push(row)
    print(table.row(row))
  }
  if (values.json !== undefined) fs.writeFileSync(values.json, JSON.stringify(rows, null, 2) + '\n')
  if (!rows.some(({ status }) => status !== 'unknown')) throw new Error(`${root} holds no reference file to run`)
  print(`\n${summarize(rows)}`)
  return rows.some(({ status }) => status === 'fail') ? 1 : 0
}

/** The model beside a folder of reference files, unpacked. */
export function unpackedModel(root: string): string {
  const script = path.join(root, '..', 'models', 'unpack.mjs')
  if (!fs.existsSync(script)) throw new Error(`${script} is not there to unpack the model; give --model DIR`)
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${script} failed: ${stderr.trim()}`)
  return stdout.trim()
}

import fs from 'node:fs'
import type { ExportTarget } from './exportPlan.js'

/** run.sh of an export: see runScript.sh. */
export function runScript({ title }: ExportTarget, processes: number, trainCommand: string): string {
  return fs
    .readFileSync(new URL('runScript.sh', import.meta.url), 'utf8')
    .replaceAll('{{TITLE}}', title)
    .replaceAll('{{PROCESSES}}', String(processes))
    .replace('{{TRAIN}}', () => trainCommand.trimEnd().replace(/^(?=.)/gm, '  '))
}

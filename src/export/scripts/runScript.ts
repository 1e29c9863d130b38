import fs from 'node:fs'
import type { ExportTarget } from '../exportPlan.js'

/** run.sh of an export. */
export function runScript({ title }: ExportTarget, processes: number, trainCommand: string): string {
  return script('run.sh')
    .replaceAll('{{TITLE}}', title)
    .replaceAll('{{PROCESSES}}', String(processes))
    .replace('{{TRAIN}}', () => trainCommand.trimEnd().replace(/^(?=.)/gm, '  '))
}

/** setup.sh of an export. */
export function setupScript(): string {
  return script('setup.sh')
}

function script(name: string): string {
  return fs.readFileSync(new URL(name, import.meta.url), 'utf8')
}

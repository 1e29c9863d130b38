import type { ExportTarget } from '../exportPlan.js'
import { template } from '../template.js'

/** run.sh of an export. */
export function runScript({ title }: ExportTarget, processes: number, trainCommand: string): string {
  return template('run.sh', import.meta.url)
    .replaceAll('{{TITLE}}', title)
    .replaceAll('{{PROCESSES}}', String(processes))
    .replace('{{TRAIN}}', () => trainCommand.trimEnd().replace(/^(?=.)/gm, '  '))
}

/** setup.sh of an export. */
export function setupScript(): string {
  return template('setup.sh', import.meta.url)
}

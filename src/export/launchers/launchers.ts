import type { ExportPlan, ExportTarget } from '../exportPlan.js'

/** What starts run.sh of an export on the machines of a cluster or cloud. */
export interface Launcher {
  readonly name: 'local' | 'sky' | 'slurm' | 'hf-jobs'
  /** By the path in the folder of the export. */
  files(plan: ExportPlan, target: ExportTarget): Readonly<Record<string, string>>
  /** For the README, in Markdown: how it is started, and what of it could not be run here; empty for nothing. */
  readme(plan: ExportPlan): string
}

const local: Launcher = { name: 'local', files: () => ({}), readme: () => '' }

export const launchers: readonly Launcher[] = [local]

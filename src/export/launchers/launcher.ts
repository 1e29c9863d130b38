import { ConfigError } from '../../errors.js'
import type { ExportPlan } from '../exportPlan.js'

/** What starts run.sh of an export on the machines of a cluster or cloud. */
export interface Launcher {
  readonly name: 'local' | 'sky' | 'slurm' | 'hf-jobs'
  /** Throws a ConfigError for a number of processes that it cannot place. */
  check(processes: number): void
  /** By the path in the folder of the export. */
  files(plan: ExportPlan): Readonly<Record<string, string>>
  /** For the README, in Markdown: how it is started, and what of it could not be run here; empty for nothing. */
  readme(plan: ExportPlan): string
}

/** GPUs that the largest machines have. */
export const GPUS_OF_NODE = 8

/** How many machines of how many GPUs hold the processes. Throws a ConfigError where they would not fill them. */
export function nodesOf(processes: number): { nodes: number; gpus: number } {
  if (processes <= GPUS_OF_NODE) return { nodes: 1, gpus: processes }
  if (processes % GPUS_OF_NODE === 0) return { nodes: processes / GPUS_OF_NODE, gpus: GPUS_OF_NODE }
  throw new ConfigError(
    `--processes ${processes} does not fill machines of ${GPUS_OF_NODE} GPUs; take up to ${GPUS_OF_NODE}, or a multiple of it`,
  )
}

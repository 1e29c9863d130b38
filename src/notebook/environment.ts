import { describeMemory, describeNode, describeProcessor } from '../engine/machine.js'
import { packageVersion } from '../packageVersion.js'
import { describeGpu } from '../xla/describeXla.js'
import { table } from './table.js'

/**
 * Shows what a notebook runs on: versions, processor, memory and graphics cards.
 * @param more further rows, such as `{ engine: 'cpu' }`
 */
export function environment(more: Readonly<Record<string, string>> = {}): void {
  const rows = {
    'grpo-ts': packageVersion(),
    'Node.js': describeNode(),
    processor: describeProcessor(),
    memory: describeMemory(),
    GPU: describeGpu(),
    ...more,
  }
  table(Object.entries(rows).map(([what, found]) => ({ what, found })))
}

import os from 'node:os'

/** Memory that this process may take, in bytes: of the machine, or of the container when that allows less. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < os.totalmem() ? constrained : os.totalmem()
}

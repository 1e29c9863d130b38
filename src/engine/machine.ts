import os from 'node:os'
import { gibibytes } from '../io/units.js'
import { availableMemory } from './availableMemory.js'

/** `v24.1.0 on linux x64`, and what to do about one that is too old. */
export function describeNode(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOld = major < 20 || (major === 20 && minor < 19)
  return `${process.version} on ${process.platform} ${process.arch}${isOld ? ': too old, install 20.19 or newer' : ''}`
}

/** `AMD EPYC 7B13, 2 cores`: those that this process may use. */
export function describeProcessor(): string {
  return `${os.cpus()[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} cores`
}

/** `15.6 GiB, 9.1 GiB free`. */
export function describeMemory(): string {
  // In a container, what the container may use.
  const limit = availableMemory()
  const total = os.totalmem()
  const allowed = limit < total ? `, of which this process may use ${gibibytes(limit, 1)}` : ''
  return `${gibibytes(total, 1)}${allowed}, ${gibibytes(os.freemem(), 1)} free`
}

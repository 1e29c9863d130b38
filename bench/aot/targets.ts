/** Cards that XLA compiles for without having them: the plugin for CUDA carries a description of each as text. */
import fs from 'node:fs'
import { ConfigError, FileFormatError } from '../../src/errors.js'

/** A card, as the compiler takes it. */
export interface Target {
  /** As the driver calls it, e.g. `NVIDIA H200 141GB HBM3e`. */
  readonly name: string
  /** Bytes of its memory. */
  readonly memory: number
  /** A GpuTargetConfigProto in protobuf's text format: the option `target_config` of a topology. */
  readonly text: string
}

/** The cards that are checked when none is named. */
export const defaultTargets = ['NVIDIA H200 141GB HBM3e', 'NVIDIA A100-SXM4-80GB', 'NVIDIA RTX A6000'] as const

/** Those that are meant by a name that several have. */
const usualTargets: readonly string[] = [...defaultTargets, 'NVIDIA H100 80GB HBM3']

const MARKER = Buffer.from('gpu_device_info {\n')
const CHUNK_BYTES = 2 ** 22
/** The longest description of today has 5 kB. */
const MOST_BYTES = 2 ** 16

/**
 * Reads the descriptions of NVIDIA's cards out of a plugin's file.
 * @throws FileFormatError when it holds none
 */
export function readTargets(file: string): Target[] {
  const targets: Target[] = []
  for (const text of embeddedTexts(file)) {
    if (!text.includes('platform_name: "CUDA"')) continue
    const name = /^device_description_str: "(.+)"$/m.exec(text)?.[1]
    const memory = memoryLine.exec(text)?.[1]
    if (name !== undefined && memory !== undefined) targets.push({ name, memory: Number(memory), text })
  }
  if (targets.length > 0) return targets.sort((a, b) => a.name.localeCompare(b.name))
  throw new FileFormatError(file, 'describes no cards to compile for; expected the plugin of jax-cuda12-pjrt')
}

const memoryLine = /^ +device_memory_size: (\d+)$/m

/** The texts that begin with MARKER and end with a zero byte, a piece of the file at a time. */
function* embeddedTexts(file: string): Generator<string> {
  const descriptor = fs.openSync(file, 'r')
  try {
    let kept = Buffer.alloc(0)
    const chunk = Buffer.alloc(CHUNK_BYTES)
    for (let read = fs.readSync(descriptor, chunk); read > 0; read = fs.readSync(descriptor, chunk)) {
      const bytes = Buffer.concat([kept, chunk.subarray(0, read)])
      let from = 0
      let at = bytes.indexOf(MARKER)
      for (; at >= 0; at = bytes.indexOf(MARKER, from)) {
        const end = bytes.indexOf(0, at)
        // Its end stands in the next piece.
        if (end < 0 && bytes.length - at < MOST_BYTES) break
        if (end >= 0) yield bytes.toString('utf8', at, end)
        from = at + MARKER.length
      }
      kept = Buffer.from(bytes.subarray(at >= 0 ? at : Math.max(from, bytes.length - MARKER.length + 1)))
    }
  } finally {
    fs.closeSync(descriptor)
  }
}

/**
 * The card of a name, or of a part of one: of several that have it, the usual one.
 * @throws ConfigError when none or several have it
 */
export function findTarget(targets: readonly Target[], name: string): Target {
  const exact = targets.find((target) => target.name === name)
  if (exact) return exact
  const found = targets.filter((target) => target.name.toLowerCase().includes(name.toLowerCase()))
  const usual = found.filter((target) => usualTargets.includes(target.name))
  if (found.length === 1) return found[0]!
  if (usual.length === 1) return usual[0]!
  const list = (found.length > 1 ? found : targets).map((target) => target.name).join(', ')
  throw new ConfigError(
    `--target '${name}' names ${found.length === 0 ? 'no card' : 'several cards'}; expected one of: ${list}`,
  )
}

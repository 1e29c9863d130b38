import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import type { PluginRelease, Wheel } from '../../../src/xla/setup/wheels.js'

/** An entry of a zip file, as hostile as one likes. */
export interface ZipEntry {
  readonly name: string
  readonly data: string | Buffer
  /** Of its file, as `stat` has it. Defaults to a regular one. */
  readonly mode?: number
  /** What the directory says of its size. Defaults to the truth. */
  readonly claimedBytes?: number
}

/** A zip file. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, data, mode = 0o100644, claimedBytes } of entries) {
    const content = Buffer.from(data)
    const packed = deflateRawSync(content)
    const fileName = Buffer.from(name)
    const fields = Buffer.alloc(26) // what both headers have
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(8, 4) // deflated
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(claimedBytes ?? content.length, 18)
    fields.writeUInt16LE(fileName.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, fileName, packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(mode * 2 ** 16, 6)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), fields, rest, fileName]))
    files.push(local)
    offset += local.length
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...files, ...directory, end])
}

/** A wheel in a folder, and what would be pinned of it. */
export interface WheelFile extends Wheel {
  readonly content: Buffer
}

/** Writes a wheel of these entries into a folder. */
export function writeWheel(folder: string, file: string, entries: readonly ZipEntry[]): WheelFile {
  const content = zipOf(entries)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, file), content)
  return {
    file,
    content,
    bytes: content.length,
    unpackedBytes: entries
      .filter(({ name }) => name.includes('.so') || name.includes('LICENSE'))
      .reduce((sum, { data }) => sum + data.length, 0),
    sha256: createHash('sha256').update(content).digest('hex'),
  }
}

/** The first of two wheels of a plugin: the plugin itself. */
export const pluginEntries: readonly ZipEntry[] = [
  { name: 'own_plugin/__init__.py', data: 'import nothing' },
  { name: 'own_plugin/plugin.so', data: 'the plugin '.repeat(100) },
  { name: 'own_plugin-1.0.dist-info/LICENSE', data: 'its licence' },
]

/** The second one: a library of NVIDIA's. */
export const libraryEntries: readonly ZipEntry[] = [
  { name: 'nvidia/cublas/lib/libcublas.so.12', data: 'a library '.repeat(5000) },
  { name: 'nvidia/cublas/include/cublas.h', data: 'a header' },
]

/** A release of these wheels. */
export function releaseOf(wheels: readonly Wheel[]): PluginRelease {
  return {
    device: 'cuda12',
    name: 'own-plugin',
    version: '1.0',
    library: 'own_plugin/plugin.so',
    notice: null,
    wheels: { [process.arch]: wheels },
  }
}

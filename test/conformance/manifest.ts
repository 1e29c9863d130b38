import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { compareExactly } from './compare.js'
import type { Part } from './referenceFiles.js'
import { describing, readJson } from './referenceFiles.js'

interface Manifest {
  versions: Record<string, string>
  files: { path: string; bytes?: number; sha256: string }[]
}

/** That the files are the ones that the reference libraries wrote, the models included. */
export const manifest: Part = {
  name: 'manifest',
  matches: /^MANIFEST\.json$/,
  alsoReads: /^models\//,
  async *run(file, context) {
    const manifest = readJson(context, file) as Manifest
    describing(manifest, 'versions')
    const { files } = manifest
    const hashes = await Promise.all(
      files.map(async (entry) => {
        const bytes = await fs.promises.readFile(path.join(context.root, entry.path)).catch(() => null)
        const sha256 = bytes && crypto.createHash('sha256').update(bytes).digest('hex')
        return { file: entry.path, bytes: entry.bytes === undefined ? undefined : bytes?.length, sha256 }
      }),
    )
    const expected = files.map((entry) => ({ file: entry.path, bytes: entry.bytes, sha256: entry.sha256 }))
    yield compareExactly('sha256 of the files', hashes, expected)
  },
}

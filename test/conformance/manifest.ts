import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { compareExactly } from './compare.js'
import type { Part } from './referenceFiles.js'
import { readJson } from './referenceFiles.js'

interface Manifest {
  files: { path: string; sha256: string }[]
}

/** That the files are the ones that the reference libraries wrote, the models included. */
export const manifest: Part = {
  name: 'manifest',
  matches: /^MANIFEST\.json$/,
  alsoReads: /^models\//,
  async *run(file, context) {
    const { files } = readJson(context, file) as Manifest
    const hashes = await Promise.all(
      files.map(async (entry) => {
        const bytes = await fs.promises.readFile(path.join(context.root, entry.path)).catch(() => null)
        return { file: entry.path, sha256: bytes && crypto.createHash('sha256').update(bytes).digest('hex') }
      }),
    )
    const expected = files.map((entry) => ({ file: entry.path, sha256: entry.sha256 }))
    yield compareExactly('sha256 of the files', hashes, expected)
  },
}

import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import * as settings from '../../src/cli/quickstart/settings.js'
import { atomicWriteJson } from '../../src/io/atomicWrite.js'
import { imagesFolder, root } from './places.js'

/** What the pictures in docs/images were made of. */
export interface Sources {
  /** Of grpo-ts. */
  readonly version: string
  /** The embedded model, and the SHA-256 of its weights. */
  readonly model: { readonly name: string; readonly sha256: string }
  /** By file: when it was made, from which weights, and its SHA-256. */
  readonly pictures: Readonly<
    Record<string, { readonly madeAt: string; readonly model: string; readonly sha256: string }>
  >
}

const file = path.join(imagesFolder, 'sources.json')

export function sha256(data: string | Uint8Array): string {
  return crypto.createHash('sha256').update(data).digest('hex')
}

/** What pictures would be made of now. */
export function currentSources(): Omit<Sources, 'pictures'> {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const name = settings.runOptions.model
  const weights = fs.readFileSync(path.join(root, 'checkpoints', name, 'model.safetensors'))
  return { version, model: { name, sha256: sha256(weights) } }
}

export function readSources(): Sources | null {
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Sources) : null
}

/** Notes what files were made of, and forgets those that are there no more. */
export function noteSources(made: readonly string[]): void {
  const now = currentSources()
  const pictures = Object.fromEntries(
    fs
      .readdirSync(imagesFolder)
      .filter((name) => /\.(svg|png)$/.test(name))
      .sort()
      .map((name) => {
        const known = readSources()?.pictures[name]
        const isNew = made.includes(name) || known === undefined
        const checksum = sha256(fs.readFileSync(path.join(imagesFolder, name)))
        return [
          name,
          isNew
            ? { madeAt: new Date().toISOString().slice(0, 10), model: now.model.sha256, sha256: checksum }
            : { ...known, sha256: checksum },
        ]
      }),
  )
  atomicWriteJson(file, { ...now, pictures } satisfies Sources)
}

/** What is out of date, in words; empty when nothing is. */
export function outOfDate(names: readonly string[]): string[] {
  const sources = readSources()
  const now = currentSources()
  return names.flatMap((name) => {
    const known = sources?.pictures[name]
    if (known === undefined) return [`${name} is missing`]
    if (known.model !== now.model.sha256) return [`${name} was made with another model than ${now.model.name}`]
    return []
  })
}

import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../errors.js'
import { statusOf } from '../../io/statusOf.js'

/**
 * The GGUF file that a model's name stands for: a file `….gguf`, or the only one in a folder that has no config.json; null for all
 * others. Throws a FileFormatError for a folder with several.
 */
export function ggufFileOf(model: string): string | null {
  const status = statusOf(model)
  if (status?.isFile()) return isGguf(model) ? model : null
  if (!status?.isDirectory() || fs.existsSync(path.join(model, 'config.json'))) return null
  const files = fs.readdirSync(model).filter(isGguf)
  if (files.length <= 1) return files.length === 0 ? null : path.join(model, files[0]!)
  throw new FileFormatError(
    model,
    `holds several GGUF files (${files.slice(0, 5).join(', ')}${files.length > 5 ? ', …' : ''}); name the one to load`,
  )
}

function isGguf(name: string): boolean {
  return /\.gguf$/i.test(name)
}

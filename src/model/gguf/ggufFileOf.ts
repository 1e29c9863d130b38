import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../errors.js'

/**
 * The GGUF file that a model's name stands for: a file `….gguf`, or the only one in a folder that has no config.json; null for all
 * others. Throws a FileFormatError for a folder with several.
 */
export function ggufFileOf(model: string): string | null {
  const status = fs.statSync(model, { throwIfNoEntry: false })
  if (status?.isFile()) return model.endsWith('.gguf') ? model : null
  if (!status?.isDirectory() || fs.existsSync(path.join(model, 'config.json'))) return null
  const files = fs.readdirSync(model).filter((name) => name.endsWith('.gguf'))
  if (files.length <= 1) return files.length === 0 ? null : path.join(model, files[0]!)
  throw new FileFormatError(
    model,
    `holds several GGUF files (${files.slice(0, 5).join(', ')}${files.length > 5 ? ', …' : ''}); name the one to load`,
  )
}

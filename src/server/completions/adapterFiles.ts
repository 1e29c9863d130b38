import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { EngineError, GrpoError } from '../../errors.js'
import { memorySize } from '../../io/units.js'
import { HttpError } from '../http/httpError.js'
import { limits } from './limits.js'

const CONFIG_FILE = 'adapter_config.json'
const fileNames = [CONFIG_FILE, 'adapter_model.safetensors'] as const

/**
 * Throws an HttpError for a folder that cannot be an adapter's: 404 when it is not there, 400 when its files are none or too large.
 * What the files hold is checked by whoever reads them.
 */
export function checkAdapterFolder(folder: string): void {
  if (!path.isAbsolute(folder)) {
    throw new HttpError(400, 'lora_path: expected an absolute path, for the folder that this server runs in is its own')
  }
  if (statusOf(folder)?.isDirectory() !== true) {
    throw new HttpError(404, `No adapter found for ${folder}: this server sees no such folder; send its files instead`)
  }
  for (const name of fileNames) {
    const status = statusOf(path.join(folder, name))
    // A pipe would be read for ever.
    if (status?.isFile() !== true)
      throw new HttpError(400, `${folder} holds no file ${name}; expected an adapter of PEFT`)
    if (name === CONFIG_FILE && status.size > limits.adapterConfigBytes) {
      throw new HttpError(400, `${folder}: ${name} is longer than ${memorySize(limits.adapterConfigBytes)}`)
    }
  }
}

function statusOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file, { throwIfNoEntry: false })
  } catch {
    return undefined // a name that is too long, or with a zero in it
  }
}

/**
 * Writes the files of an adapter, in base64 by their names, into a folder that only this user can read, for as long as `body` takes.
 * @throws HttpError 400 for other names, for what is no base64, and for what `body` refuses
 */
export async function withAdapterFiles<T>(
  files: Readonly<Record<string, string>>,
  body: (folder: string) => Promise<T>,
): Promise<T> {
  const names = Object.keys(files)
  if (names.length !== fileNames.length || !fileNames.every((name) => names.includes(name))) {
    throw new HttpError(400, `files: expected ${fileNames.join(' and ')}, and nothing else`)
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-adapter-'))
  try {
    for (const name of fileNames) {
      const text = files[name]!
      const bytes = Buffer.from(text, 'base64')
      // Buffer passes over what is none.
      if (bytes.length === 0 || text.replace(/=+$/, '').length !== Math.ceil((bytes.length * 4) / 3)) {
        throw new HttpError(400, `files.${name}: expected base64`)
      }
      fs.writeFileSync(path.join(folder, name), bytes, { flag: 'wx', mode: 0o600 })
    }
    checkAdapterFolder(folder)
    return await body(folder)
  } catch (error) {
    const isRefusal = error instanceof HttpError || (error instanceof GrpoError && !(error instanceof EngineError))
    // The folder is nobody else's business.
    throw isRefusal ? new HttpError(400, error.message.replaceAll(folder, 'files')) : error
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

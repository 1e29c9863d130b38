import fs from 'node:fs'
import path from 'node:path'
import { tokenizerFileNames } from '../hub/modelFiles.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { float32ToBfloat16 } from '../io/dtypes.js'
import { isJsonObject } from '../io/json.js'
import { replaceFiles } from '../io/replaceFiles.js'
import { writeSafetensors } from '../io/safetensorsWriter.js'
import { GgufFile } from './gguf/ggufFile.js'
import { ggufFileOf } from './gguf/ggufFileOf.js'
import { readGgufTokenizer } from './gguf/ggufTokenizer.js'
import type { ModelParameters } from './modelParameters.js'

/**
 * Writes config.json and model.safetensors in Hugging Face's layout. All files are complete before any takes its place, so an
 * earlier model there survives a failure. Throws a GrpoError when the disk is full or the folder cannot be written to.
 */
export function saveModel(
  folder: string,
  parameters: ModelParameters,
  {
    dtype,
    from,
  }: {
    /** Of the file: `float32` as the values are, `bfloat16` rounded. */
    dtype: 'float32' | 'bfloat16'
    /** Folder of the model that it was trained from, whose tokenizer files are copied. Defaults to none. */
    from?: string
  },
): void {
  replaceFiles(folder, (staging) => {
    if (from !== undefined) copyOtherFiles(from, staging)
    writeSafetensors(
      path.join(staging, 'model.safetensors'),
      parameters.parameters().map(({ name, shape, values }) => ({
        name,
        dtype: dtype === 'bfloat16' ? ('BF16' as const) : ('F32' as const),
        shape,
        data: () => (dtype === 'bfloat16' ? float32ToBfloat16(values) : values),
      })),
    )
    atomicWriteJson(path.join(staging, 'config.json'), withDtype(parameters.config.raw, dtype))
  })
}

const copiedFileNames: readonly string[] = ['generation_config.json', ...tokenizerFileNames]

/** Copies what a model's folder holds besides config and weights, or writes what a GGUF file says of it. */
export function copyOtherFiles(model: string, folder: string): void {
  const gguf = ggufFileOf(model)
  if (gguf !== null) {
    const files = GgufFile.use(gguf, readGgufTokenizer)
    for (const name of copiedFileNames) {
      if (files?.has(name)) atomicWriteJson(path.join(folder, name), files.json(name))
    }
    return
  }
  const isWanted = (name: string): boolean => copiedFileNames.includes(name) || /^(LICENSE|NOTICE)/i.test(name)
  for (const name of fs.readdirSync(model).filter(isWanted)) {
    fs.copyFileSync(path.join(model, name), path.join(folder, name))
  }
  const templates = path.join(model, 'additional_chat_templates')
  if (!fs.existsSync(templates)) return
  fs.cpSync(templates, path.join(folder, 'additional_chat_templates'), { recursive: true, dereference: true })
}

/** The config, which names the dtype by its new or old key. */
export function withDtype(raw: unknown, dtype: 'bfloat16' | 'float16' | 'float32'): unknown {
  if (!isJsonObject(raw)) return raw
  return 'torch_dtype' in raw && !('dtype' in raw) ? { ...raw, torch_dtype: dtype } : { ...raw, dtype }
}

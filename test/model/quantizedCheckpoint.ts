import fs from 'node:fs'
import path from 'node:path'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import type { TensorToWrite } from '../../src/io/safetensorsWriter.js'
import { parseModelConfig } from '../../src/model/config.js'
import { expectedTensors } from '../../src/model/modelTensors.js'
import type { ModelWeights } from '../../src/model/weights/modelWeights.js'
import { openModelWeights } from '../../src/model/weights/openModelWeights.js'
import { widenRows } from '../../src/quantization/matrixSource.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'

/** Where test/fixtures/quantized/make.py has put a checkpoint. */
export function checkpoint(name: string): string {
  return path.join(import.meta.dirname, '../fixtures/quantized', name)
}

/** What is changed in a copy of a checkpoint. */
export interface Changes {
  /** Put into quantization_config; undefined takes a field away. */
  quantization?: Record<string, unknown>
  /** Tensors by name: null takes one away, a function makes another of one that is there. */
  tensors?: Record<string, null | Omit<TensorToWrite, 'name'> | ((old: TensorToWrite) => Partial<TensorToWrite>)>
}

/** A copy of a checkpoint with changes, in a folder that is removed when the process ends. */
export function changedCheckpoint(name: string, { quantization = {}, tensors = {} }: Changes): string {
  const [from, to] = [checkpoint(name), temporaryFolder()]
  const config = JSON.parse(fs.readFileSync(path.join(from, 'config.json'), 'utf8')) as Record<string, object>
  const changed = { ...config, quantization_config: { ...config.quantization_config, ...quantization } }
  fs.writeFileSync(path.join(to, 'config.json'), JSON.stringify(changed))
  using file = Safetensors.open(from)
  const all = new Map(file.names().map((one) => [one, { name: one, ...file.info(one), data: file.read(one) }]))
  for (const [one, change] of Object.entries(tensors)) {
    if (change === null) all.delete(one)
    else if (typeof change === 'function') all.set(one, Object.assign(all.get(one)!, change(all.get(one)!)))
    else all.set(one, { name: one, byteLength: 0, ...change } as never)
  }
  writeSafetensors(path.join(to, 'model.safetensors'), all.values())
  return to
}

/** Opens a checkpoint as the engines do. */
export function openCheckpoint(folder: string): ModelWeights {
  const file = path.join(folder, 'config.json')
  return openModelWeights(folder, parseModelConfig(JSON.parse(fs.readFileSync(file, 'utf8')), file))
}

/** A model of the numbers that a checkpoint stands for, in float32, in a folder that is removed when the process ends. */
export function widenedCheckpoint(from: string): string {
  const to = temporaryFolder()
  const config = JSON.parse(fs.readFileSync(path.join(from, 'config.json'), 'utf8')) as Record<string, unknown>
  const plain = { ...config, quantization_config: undefined }
  fs.writeFileSync(path.join(to, 'config.json'), JSON.stringify(plain))
  const weights = openCheckpoint(from)
  const tensors = [...expectedTensors(parseModelConfig(plain, from))].map(([name, shape]): TensorToWrite => {
    const data = shape.length === 1 ? weights.vector(name) : widenRows(weights.matrix(name).read(0, shape[0]!))
    return { name, dtype: 'F32', shape, data }
  })
  writeSafetensors(path.join(to, 'model.safetensors'), tensors)
  weights.close()
  return to
}

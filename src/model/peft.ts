import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { parseJson, quote } from '../io/json.js'
import { replaceFiles } from '../io/replaceFiles.js'
import { Safetensors } from '../io/safetensors.js'
import { writeSafetensors } from '../io/safetensorsWriter.js'
import type { ModelConfig } from './config.js'
import { listProblems } from '../io/jsonFields.js'
import { LoraAdapter, loraShapes, peftTensorName } from './lora.js'
import type { AdapterMatrices, LoraSettings, LoraTarget } from './lora.js'
import { tensorProblems } from './modelTensors.js'
import { parsePeftConfig, peftConfigOf } from './peftConfig.js'
import type { BaseModelName } from './peftConfig.js'

const TENSORS_FILE = 'adapter_model.safetensors'
const CONFIG_FILE = 'adapter_config.json'

/**
 * Saves an adapter as PEFT does, so that PEFT, transformers and vLLM load it: adapter_model.safetensors (F32) and
 * adapter_config.json, in `folder`, which is made where it is missing. `baseModel` is the model that it belongs to: its
 * folder, or its Hub id and commit. Both files are complete before either takes its place, so an earlier adapter there
 * survives a failure. Throws a GrpoError when the disk is full or the folder cannot be written to.
 */
export function saveAdapter(folder: string, adapter: LoraAdapter, baseModel: BaseModelName): void {
  replaceFiles(folder, (staging) => {
    writeSafetensors(
      path.join(staging, TENSORS_FILE),
      adapter.parameters().map(({ name, shape, values }) => ({ name, dtype: 'F32', shape, data: () => values })),
    )
    atomicWriteJson(path.join(staging, CONFIG_FILE), peftConfigOf(adapter, baseModel))
  })
}

/**
 * Loads an adapter in PEFT's layout for a model, whoever made it: any choice of the seven projections and of layers,
 * F32, F16 or BF16 tensors, rank-stabilised LoRA, ranks and alphas per module, dropout, which counts in training only. Throws an UnsupportedError with the reason for DoRA, biases, saved modules, embeddings
 * and other methods, and a FileFormatError for files that are missing or broken and for tensors that are missing,
 * surplus or do not fit the model.
 */
export function loadAdapter(folder: string, config: ModelConfig): LoraAdapter {
  const { settings, modules } = readAdapter(folder, config)
  return new LoraAdapter(settings, config, modules)
}

/** Reads and checks an adapter as {@link loadAdapter} does. */
export function readAdapter(
  folder: string,
  config: ModelConfig,
): { settings: LoraSettings; modules: AdapterMatrices[] } {
  const configFile = path.join(folder, CONFIG_FILE)
  refuseMlxAdapter(folder)
  const { settings, targets } = parsePeftConfig(readConfig(configFile), config, configFile)
  const tensors = openTensors(folder)
  try {
    checkAdapterTensors(tensors, targets, config, path.join(folder, TENSORS_FILE))
    const modules = targets.map((target) => ({
      ...target,
      a: tensors.readFloat32(peftTensorName(target.layer, target.module, 'A')),
      b: tensors.readFloat32(peftTensorName(target.layer, target.module, 'B')),
    }))
    return { settings, modules }
  } finally {
    tensors.close()
  }
}

function readConfig(file: string): unknown {
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    const folder = path.dirname(file)
    if (fs.existsSync(path.join(folder, 'config.json'))) {
      throw new FileFormatError(
        folder,
        'is the folder of a whole model, not of an adapter; give it as the model (--model, or loadModel)',
      )
    }
    throw new FileFormatError(
      file,
      `cannot be read (${(cause as Error).message}); an adapter's folder holds ${CONFIG_FILE} and ${TENSORS_FILE}`,
      { cause },
    )
  }
  return parseJson(file, 'the config', bytes)
}

/** mlx-lm uses the same name for a config of its own. Throws an UnsupportedError. */
function refuseMlxAdapter(folder: string): void {
  const has = (name: string): boolean => fs.existsSync(path.join(folder, name))
  if (!has('adapters.safetensors') || has(TENSORS_FILE)) return
  throw new UnsupportedError(
    `${folder} holds an adapter of MLX (adapters.safetensors); expected PEFT's ${TENSORS_FILE}. Merge it with mlx_lm.fuse and ` +
      'load the merged model, or convert it to PEFT',
  )
}

function openTensors(folder: string): Safetensors {
  const file = path.join(folder, TENSORS_FILE)
  if (!fs.existsSync(file) && fs.existsSync(path.join(folder, 'adapter_model.bin'))) {
    throw new UnsupportedError(
      `${folder}: adapter_model.bin holds pickled tensors, which are not supported because loading them runs ` +
        `code; save the adapter with PEFT's safe_serialization=True`,
    )
  }
  return Safetensors.open(file)
}

function checkAdapterTensors(
  tensors: Safetensors,
  targets: readonly LoraTarget[],
  config: ModelConfig,
  file: string,
): void {
  const expected = new Map<string, readonly number[]>()
  for (const target of targets) {
    const { a, b } = loraShapes(config, target)
    expected.set(peftTensorName(target.layer, target.module, 'A'), a)
    expected.set(peftTensorName(target.layer, target.module, 'B'), b)
  }
  refuseOtherTensors(tensors.names(), file)
  const available = new Map(tensors.names().map((name) => [name, tensors.info(name).shape]))
  const problems = tensorProblems(expected, available)
  if (problems.length === 0) return
  throw new FileFormatError(
    file,
    `the tensors do not fit ${CONFIG_FILE} and the model (${config.architecture}, ${config.numLayers} layers, ` +
      `hidden size ${config.hiddenSize}): ${listProblems(problems)}`,
  )
}

/** Names of tensors that say more than a shape could what kind of adapter the file holds. */
const otherTensors: readonly { pattern: RegExp; reason: string }[] = [
  { pattern: /\.lora_magnitude_vector/, reason: 'DoRA' },
  {
    pattern: /\.lora_embedding_[AB]|embed_tokens|lm_head/,
    reason: 'an adapter on the token embedding or the output head',
  },
  { pattern: /\.modules_to_save\./, reason: 'modules that were trained whole' },
  { pattern: /\.bias$/, reason: 'trained biases' },
]

function refuseOtherTensors(names: readonly string[], file: string): void {
  for (const { pattern, reason } of otherTensors) {
    const name = names.find((name) => pattern.test(name))
    if (name !== undefined) {
      throw new UnsupportedError(
        `${file}: ${reason} (tensor ${quote(name)}) is not supported; supported is plain LoRA on linear layers`,
      )
    }
  }
}

import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, UnsupportedError } from '../errors.js'
import type { Evaluation } from '../run/evaluation.js'
import { readEvaluation } from '../run/evaluationFile.js'
import { snapshotSource } from '../hub/cache.js'
import { embeddedModelName } from '../hub/embeddedModels.js'
import { quantizedCopy } from '../model/quantizedCopy.js'
import type { QuantizedCopy } from '../model/quantizedCopy.js'
import { isRepositoryId } from '../hub/repository.js'
import { isJsonObject, parseJson } from '../io/json.js'
import { readRunConfig } from '../run/configFile.js'
import { readImportFile } from '../run/importFile.js'
import { runLayout } from '../run/layout.js'
import { readMetrics } from '../run/metricsFile.js'
import type { MetricsLine } from '../run/metricsFile.js'
import { runFileNames } from '../run/fileNames.js'
import { baseWeightsOf } from './baseWeights.js'
import type { BaseWeights } from './baseWeights.js'

/** Seconds that files of one run may differ when it is copied. */
const SAME_TIME_SECONDS = 60

/** The model that an adapter belongs to. */
export interface AdapterBaseModel {
  /** On the Hub; null for a folder of this machine, which nobody else can load. */
  readonly id: string | null
  /** The commit; null when it is not known. */
  readonly revision: string | null
  /** The id, the name of a model of the package, or the last part of the folder's path. */
  readonly name: string
  /** It comes with grpo-ts, which knows it by this name. */
  readonly isEmbedded: boolean
  /** Where its files are quantised: the model on the Hub that they were made from, if that is another one and known. */
  readonly original: string | null
  /** How its files are quantised (`bitsandbytes`, `GGUF`); null where they are not, and for a model that was chosen by the caller. */
  readonly method: string | null
}

/** What a run's folder holds for others. */
export interface TrainedRun {
  readonly folder: string
  readonly name: string
  /** adapter_config.json. */
  readonly adapterConfig: Readonly<Record<string, unknown>>
  readonly baseModel: AdapterBaseModel
  readonly baseWeights: BaseWeights
  /** The engine that has trained it, `TRL 1.16.0`; null where it was grpo-ts. */
  readonly importedFrom: string | null
  /** config.yaml with names in snake_case; null when there is none. */
  readonly config: Readonly<Record<string, unknown>> | null
  /** The steps of the run; none when they were not recorded. */
  readonly metrics: readonly MetricsLine[]
  /** Null when the run was not evaluated, or not since its adapter was written. */
  readonly evaluation: Evaluation | null
  /** What is to be told about the run. */
  readonly warnings: readonly string[]
}

/**
 * Reads the folder of a run: its adapter, and config.yaml, metrics.jsonl and eval.json where they are. `baseModel` names the
 * model on the Hub that the adapter's own config does not name. Throws a FileFormatError.
 */
export async function readTrainedRun(folder: string, baseModel?: string): Promise<TrainedRun> {
  const { adapter, metrics, model, import: importFile } = runLayout(folder)
  const importedFrom = fs.existsSync(importFile) ? readImportFile(folder).engine : null
  const adapterFile = path.join(adapter, 'adapter_config.json')
  if (!fs.existsSync(adapterFile)) {
    if (fs.existsSync(path.join(model, 'model.safetensors'))) {
      throw new UnsupportedError(
        `${folder} has trained all weights of its model, and push takes adapters only; ${model} is a whole model in Hugging Face's ` +
          'layout, which hf upload OWNER/NAME FOLDER takes',
      )
    }
    if (importedFrom !== null) {
      throw new UnsupportedError(
        `${folder} is a run of ${importedFrom} that was imported without an adapter, and push publishes adapters; import it again when the engine has saved one`,
      )
    }
    throw new FileFormatError(
      folder,
      `holds no ${runFileNames.adapter}/adapter_config.json; expected the folder of a run that grpo-ts train has finished`,
    )
  }
  const adapterConfig = parseJson(adapterFile, 'the config', fs.readFileSync(adapterFile))
  if (!isJsonObject(adapterConfig)) throw new FileFormatError(adapterFile, 'expected a JSON object')
  const warnings: string[] = []
  const config = readRunConfig(folder)
  const evaluation = readFreshEvaluation(folder, warnings)
  const { base_model_name_or_path: recorded } = adapterConfig
  // The folder of a model from the Hub is known to its evaluation only.
  const places = [recorded, evaluation?.policies[0]?.model].filter((place) => typeof place === 'string')
  const copy = places.map(quantizedCopy).find((found) => found !== null) ?? null
  const base = baseModelOf(adapterConfig, copy, baseModel)
  if (base.isEmbedded) {
    warnings.push(
      `the base model ${base.name} comes with grpo-ts: others can load the adapter there only. Push the model too, and name ` +
        'it with --base-model owner/name, for other tools',
    )
  } else if (base.id === null) {
    warnings.push(
      `the base model is the folder ${base.name} on this machine: others cannot load the adapter. Name its Hub id ` +
        '(--base-model owner/name), or push that model too',
    )
  }
  return {
    folder,
    name: path.basename(path.resolve(folder)),
    adapterConfig,
    baseModel: base,
    baseWeights: baseWeightsOf(config, copy, evaluation),
    importedFrom,
    warnings,
    config,
    metrics: fs.existsSync(metrics) ? await readMetrics(folder) : [],
    evaluation,
  }
}

function baseModelOf(
  adapterConfig: Record<string, unknown>,
  copy: QuantizedCopy | null,
  chosen?: string,
): AdapterBaseModel {
  const { base_model_name_or_path: recorded, revision } = adapterConfig
  const name = chosen ?? (typeof recorded === 'string' ? recorded : '')
  const original = copy?.original && isRepositoryId(copy.original) ? copy.original : null
  const method = chosen === undefined ? (copy?.method ?? null) : null
  const source = snapshotSource(name)
  if (source) return { ...source, name: source.id, isEmbedded: false, original, method }
  const embedded = embeddedModelName(name)
  if (embedded !== null) return { id: null, revision: null, name: embedded, isEmbedded: true, original: null, method }
  if (!isRepositoryId(name) || fs.existsSync(name)) {
    // Of a quantised folder of this machine others can have the model that it was made from.
    if (original !== null) return baseModelOf(adapterConfig, null, original)
    return { id: null, revision: null, name: path.basename(name) || 'unknown', isEmbedded: false, original, method }
  }
  const [id = '', pinned] = name.split('@')
  const ofConfig = chosen === undefined && typeof revision === 'string' ? revision : null
  return { id, revision: pinned ?? ofConfig, name: id, isEmbedded: false, original, method }
}

/** An evaluation of an adapter that was trained on since is of another one. */
function readFreshEvaluation(folder: string, warnings: string[]): Evaluation | null {
  const { adapter, evaluation: file } = runLayout(folder)
  if (!fs.existsSync(file)) {
    warnings.push(
      `the run was not evaluated, so its card can claim nothing; make ${runFileNames.evaluation} with grpo-ts eval`,
    )
    return null
  }
  const changed = (file: string): number => fs.statSync(file).mtimeMs / 1000
  if (changed(path.join(adapter, 'adapter_model.safetensors')) - changed(file) > SAME_TIME_SECONDS) {
    warnings.push(
      `${runFileNames.evaluation} is older than the adapter and was left out; evaluate again with grpo-ts eval`,
    )
    return null
  }
  return readEvaluation(file)
}

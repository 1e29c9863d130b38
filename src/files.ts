/** Readers and writers of files: tensors, evaluations, TensorBoard's events, and downloads from the Hugging Face Hub. */

export { Safetensors } from './io/safetensors.js'
export { writeSafetensors } from './io/safetensorsWriter.js'
export { TensorBoardWriter } from './io/tensorBoardWriter.js'
export { evaluationSchema } from './eval/evaluationSchema.js'
export { readEvaluation, writeEvaluation } from './eval/evaluationFile.js'
export { downloadDataset } from './hub/datasetFiles.js'
export type { DatasetOptions } from './hub/datasetFiles.js'
export { downloadModel } from './hub/modelFiles.js'
export type { DownloadOptions, DownloadProgress, Snapshot } from './hub/download.js'

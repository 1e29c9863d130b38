import type { EngineModel } from '../engine/engine.js'
import type { Parameters } from '../model/parameters.js'

/** What of a model is trained, and how it is kept and found again. */
export interface Trained {
  /** Its values on the host. */
  readonly parameters: Parameters
  /** Name of its folder in a run and in a checkpoint. */
  readonly folderName: 'adapter' | 'model'
  /** The files there without which it is not whole. */
  readonly requiredFiles: readonly string[]
  /** What has to be the same for a run to go on with its values, in words. */
  readonly identity: string
  /** A model on an engine that computes with it and differentiates it. */
  on(model: EngineModel): EngineModel
  /** Writes it in the layout that other tools load, into a folder that is made where it is missing. Throws a GrpoError. */
  save(folder: string): void
  /** The values that {@link save} wrote. Throws a FileFormatError when they are damaged or of something else. */
  read(folder: string): Float32Array
}

import type { EngineModel } from '../engine/engine.js'
import { digest } from '../io/digest.js'
import { saveModel } from '../model/modelFolder.js'
import { readModelParameters } from '../model/modelParameters.js'
import type { ModelParameters } from '../model/modelParameters.js'
import type { Trained } from './trained.js'

/** All weights of a model (full fine-tuning); kept as a model in Hugging Face's layout, float32 so that nothing is rounded. */
export class TrainedWeights implements Trained {
  readonly folderName = 'model'
  readonly requiredFiles = ['config.json', 'model.safetensors']

  constructor(
    readonly parameters: ModelParameters,
    /** Folder of the model that is fine-tuned. */
    private readonly from: string,
  ) {}

  get identity(): string {
    return `none: all ${this.parameters.values.length} weights are trained, ${digest(this.parameters.layout())}`
  }

  on(model: EngineModel): EngineModel {
    return model.withParameters(this.parameters)
  }

  save(folder: string): void {
    saveModel(folder, this.parameters, { dtype: 'float32', from: this.from })
  }

  read(folder: string): Float32Array {
    return readModelParameters(folder, this.parameters.config).values
  }
}

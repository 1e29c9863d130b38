import { isDeepStrictEqual } from 'node:util'
import type { EngineModel } from '../engine/engine.js'
import { FileFormatError } from '../errors.js'
import { digest } from '../io/digest.js'
import type { LoraAdapter } from '../model/lora.js'
import { loadAdapter, saveAdapter } from '../model/peft.js'
import type { BaseModelName } from '../model/peftConfig.js'
import type { Trained } from './trained.js'

/** A LoRA adapter that is trained over frozen weights; kept in PEFT's layout. */
export class TrainedAdapter implements Trained {
  readonly folderName = 'adapter'
  readonly requiredFiles = ['adapter_config.json', 'adapter_model.safetensors']

  constructor(
    readonly parameters: LoraAdapter,
    private readonly baseModel: BaseModelName,
  ) {}

  get identity(): string {
    const { r, alpha, scale, dropout, settings, entries } = this.parameters
    const scales = entries.map((entry) => entry.scale)
    return [
      `rank ${r}, alpha ${alpha}, ${digest(this.parameters.layout())}`,
      ...(settings.useRslora ? ['rank-stabilised'] : []),
      ...(scales.some((own) => own !== scale) ? [`scales ${digest(scales)}`] : []),
      ...(dropout > 0 ? [`dropout ${dropout}`] : []),
    ].join(', ')
  }

  on(model: EngineModel): EngineModel {
    return model.withAdapter(this.parameters)
  }

  save(folder: string): void {
    saveAdapter(folder, this.parameters, this.baseModel)
  }

  read(folder: string): Float32Array {
    const saved = loadAdapter(folder, this.parameters.config)
    if (isDeepStrictEqual(saved.layout(), this.parameters.layout())) return saved.values
    throw new FileFormatError(folder, 'its adapter has other layers or another rank than the policy')
  }
}

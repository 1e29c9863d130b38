import path from 'node:path'
import { memorySize, percent } from '../io/units.js'
import { countParameters } from '../model/modelParameters.js'
import type { CausalLM } from '../policy/causalLM.js'
import { table } from './table.js'

/** Shows what a model is made of, and how much of it is trained. */
export function model(policy: CausalLM): void {
  const { config, trained, engineModel } = policy
  const parameters = countParameters(config)
  const count = (value: number): string => value.toLocaleString('en')
  const rows = {
    // The folder's name alone: where it lies is of this machine.
    model: `${config.architecture} in ${policy.name instanceof Object ? policy.name.id : path.basename(policy.name)}`,
    parameters: `${count(parameters)}, ${memorySize(engineModel.weightBytes)} in memory (${policy.weightFormat})`,
    layers: `${config.numLayers} of width ${config.hiddenSize}`,
    vocabulary: `${count(config.vocabularySize)} tokens`,
    context: `${count(config.maxPositions)} tokens for prompt and completion`,
  }
  const values = trained?.parameters.values.length
  table([
    ...Object.entries(rows).map(([what, found]) => ({ what, found })),
    ...(values === undefined
      ? []
      : [
          {
            what: 'trained',
            found: `${count(values)} numbers, ${percent(values / parameters, 1)} as many as the model has`,
          },
        ]),
  ])
}

import { parseGRPOConfig } from '../grpo/config/config.js'
import type { GRPOConfig } from '../grpo/config/config.js'
import { TEMPERATURE } from './gate.js'

/** The options of the gates that train, with changes. */
export function gateConfig(changes: Partial<GRPOConfig>): GRPOConfig {
  return parseGRPOConfig({ numGenerations: 2, perDeviceTrainBatchSize: 2, temperature: TEMPERATURE, ...changes })
}

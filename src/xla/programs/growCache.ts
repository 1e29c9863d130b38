import * as hlo from '../graph/operations.js'
import { printProgram } from '../graph/print.js'
import type { Program } from '../runtime/runner.js'
import type { ProgramModel } from './decoderLayer.js'
import { cacheTypes } from './samplingCache.js'
import type { CacheShape } from './samplingCache.js'

/** Makes room for more own tokens of the rows. Arguments and results: keys and values of the rows. */
export function growProgram({ config, weightType }: ProgramModel, from: CacheShape, to: CacheShape): Program {
  const types = cacheTypes(config, weightType, from)
  const keys = hlo.argument(types.keys.dtype, types.keys.shape)
  const values = hlo.argument(types.values.dtype, types.values.shape)
  const added = to.tokens - from.tokens
  const none = [0, 0, 0, 0, 0]
  const outputs = [hlo.pad(keys, none, [0, 0, 0, 0, added]), hlo.pad(values, none, [0, 0, 0, added, 0])]
  return printProgram({ name: 'grow', inputs: [keys, values], outputs })
}

import { kernel } from '../kernel.js'
import { decoderLayer } from './forward.js'
import { decoderLayerGradient } from './gradient.js'

export const decoderLayerKernels = [
  kernel('DecoderLayer', decoderLayer),
  kernel('DecoderLayerGradient', decoderLayerGradient),
]

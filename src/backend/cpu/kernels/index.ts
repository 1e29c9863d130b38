import { addKernels } from './add.js'
import { attentionKernels } from './attention.js'
import { castKernels } from './cast.js'
import { decoderLayerKernels } from './decoderLayer/kernels.js'
import { dropoutKernels } from './dropout.js'
import type { CpuKernel } from './kernel.js'
import { linearKernels } from './linear.js'
import { matMulKernels } from './matMul.js'
import { rmsNormKernels } from './rmsNorm.js'
import { ropeKernels } from './rope.js'
import { sampleTokensKernels } from './sampleTokens.js'
import { selectRowsKernels } from './selectRows.js'
import { swigluKernels } from './swiglu.js'
import { tokenLogProbsKernels } from './tokenLogProbs.js'
import { uninitializedKernels } from './uninitialized.js'
import { weightKernels } from './weight.js'
import { writeRowsKernels } from './writeRows.js'

/** All kernels of the cpu backend: our own, and those that take the place of slow ones of tfjs. */
export const kernels: readonly CpuKernel[] = [
  ...attentionKernels,
  ...uninitializedKernels,
  ...writeRowsKernels,
  ...matMulKernels,
  ...addKernels,
  ...castKernels,
  ...weightKernels,
  ...linearKernels,
  ...decoderLayerKernels,
  ...dropoutKernels,
  ...rmsNormKernels,
  ...ropeKernels,
  ...swigluKernels,
  ...selectRowsKernels,
  ...tokenLogProbsKernels,
  ...sampleTokensKernels,
]

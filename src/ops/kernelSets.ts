import * as tf from '../bundled/tfjs.js'
import { EngineError } from '../errors.js'

/**
 * The kernels of each op, forward passes with their gradients and variants. A backend has all of a set or none: an op that finds
 * its forward kernel takes the others for granted, and what packs weights in a layout of its own has to read them everywhere.
 */
export const kernelSets = {
  attention: ['Attention', 'AttentionGradient'],
  decoderLayer: ['DecoderLayer', 'DecoderLayerGradient'],
  dropout: ['KeyedDropout'],
  rmsNorm: ['RmsNorm', 'RmsNormGradient', 'TrainableRmsNorm', 'TrainableRmsNormGradient'],
  rope: ['Rope'],
  sampleTokens: ['SampleTokens'],
  selectRows: ['SelectRows', 'SelectRowsGradient'],
  swiglu: ['Swiglu', 'SwigluGradient'],
  uninitialized: ['Uninitialized'],
  weight: [
    'PackWeight',
    'WeightRows',
    'Linear',
    'TrainableLinear',
    'LinearInputGradient',
    'LoraLinear',
    'LoraLinearTwoInputs',
    'LoraOutputGradient',
    'LoraAGradient',
    'LoraBGradient',
    'TokenLogProbs',
    'TokenLogProbsGradient',
    'TrainableTokenLogProbs',
    'TrainableTokenLogProbsGradient',
  ],
  writeRows: ['WriteRows'],
} as const

/** The name of a kernel of our ops. */
export type KernelName = (typeof kernelSets)[keyof typeof kernelSets][number]

/**
 * Checks that a backend has each set of kernels as a whole or not at all.
 * @throws EngineError that names what is missing
 */
export function checkKernelSets(backend: string): void {
  const present = new Set(tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName))
  const problems = Object.entries(kernelSets).flatMap(([op, names]: [string, readonly string[]]) => {
    const missing = names.filter((name) => !present.has(name))
    if (missing.length === 0 || missing.length === names.length) return []
    const [first] = names.filter((name) => present.has(name))
    return [`${op}: it has ${first}, but not ${missing.join(', ')}`]
  })
  if (problems.length === 0) return
  throw new EngineError(
    `the backend ${backend} has only a part of some kernels: ${problems.join('; ')}; ` +
      'register all of a set (src/ops/kernelSets.ts), or none, so that the op is composed of others',
  )
}

import type * as tf from '../bundled/tfjs.js'
import { ConfigError, GrpoError, ShapeError } from '../errors.js'
import { hasKernel, runKernel } from './kernel.js'

/** How the next token is drawn from the logits. */
export interface SamplingParameters {
  /** Divides the logits; 0 takes the likeliest token. */
  readonly temperature: number
  /** Keep the k likeliest tokens; 0 keeps all. */
  readonly topK: number
  /** Keep the likeliest tokens whose probabilities sum to at least this; 1 keeps all. */
  readonly topP: number
  /** Keep tokens at least this times as likely as the likeliest; 0 keeps all. */
  readonly minP: number
  /** Logits of tokens that occurred are divided by this where positive and multiplied where negative; 1 changes nothing. */
  readonly repetitionPenalty: number
}

export interface SampledTokens {
  readonly ids: Int32Array // [B]
  /**
   * log p of each sampled token, in nats, under softmax(logits / temperature): what training computes for the same token.
   * Filters and penalty change what is drawn, not this number. Greedy decoding (temperature 0) reports temperature 1.
   */
  readonly logProbs: Float32Array // [B]
  /** Entropy of softmax(logits / temperature), in nats; as with logProbs, what training computes. */
  readonly entropies: Float32Array // [B]
  /**
   * What the gradient of both needs: for each row its largest logit and log Σ e^((z − largest z) / temperature). Null where the
   * backend has no kernel.
   */
  readonly statistics: Float32Array | null // [B, 2]
}

/** What the kernel `SampleTokens` gets beside the logits; checked. */
export interface SampleTokensAttributes {
  readonly parameters: SamplingParameters
  readonly uniforms: ArrayLike<number> // [B]
  readonly histories: readonly Iterable<number>[] | null // [B]
}

/**
 * Draws one token for each row by inverting the cumulative distribution, in the order of the vocabulary, at `uniforms[row]`.
 * A row's result depends on its own logits, uniform number and history only.
 * Order of the processors as in transformers: penalty, temperature, top-k, top-p, min-p. Tokens as likely as the last one that
 * a filter keeps are kept too.
 * @throws GrpoError when a row of logits is NaN
 * @throws ShapeError when there is not one uniform number (and history) a row, or a history has a token outside the vocabulary
 */
export async function sampleTokens(
  logits: tf.Tensor2D, // [B, V]
  parameters: SamplingParameters,
  uniforms: ArrayLike<number>, // [B], each in [0, 1)
  histories: readonly Iterable<number>[] | null, // [B], the tokens that each row has seen; only for the repetition penalty
): Promise<SampledTokens> {
  const attrs: SampleTokensAttributes = { parameters, uniforms, histories }
  checkArguments(logits.shape, attrs)
  const sampled = hasKernel('SampleTokens')
    ? await runSampleTokens(logits, attrs)
    : sampleTokensReference((await logits.data()) as Float32Array, logits.shape, attrs)
  checkSampled(sampled)
  return sampled
}

/** Throws a GrpoError when a row of logits was NaN, after which its token means nothing. */
export function checkSampled({ logProbs }: Pick<SampledTokens, 'logProbs'>): void {
  const bad = logProbs.findIndex(Number.isNaN)
  if (bad >= 0) throw notNumbers(bad)
}

/** What is said of a row of logits that are not numbers. */
export function notNumbers(row: number): GrpoError {
  return new GrpoError(
    `the model's logits of row ${row} are not numbers (NaN): its weights have diverged or are damaged; ` +
      'use a smaller learningRate or maxGradNorm, or load the model again',
  )
}

async function runSampleTokens(logits: tf.Tensor2D, attrs: SampleTokensAttributes): Promise<SampledTokens> {
  const packed = runKernel<tf.Tensor2D>('SampleTokens', { logits }, attrs)
  try {
    // One read, since it may have to wait for a device.
    const values = await packed.data<'float32'>()
    const rows = logits.shape[0]
    return {
      ids: Int32Array.from(values.subarray(0, rows)),
      logProbs: values.subarray(rows, 2 * rows),
      entropies: values.subarray(2 * rows, 3 * rows),
      statistics: values.subarray(3 * rows),
    }
  } finally {
    packed.dispose()
  }
}

/** Throws as {@link sampleTokens} does. */
export function checkArguments(
  [rows, vocabulary]: readonly [rows: number, vocabulary: number],
  { parameters, uniforms, histories }: SampleTokensAttributes,
): void {
  if (!(parameters.temperature >= 0)) {
    throw new ConfigError(`temperature is ${parameters.temperature}; expected 0 (greedy) or more`)
  }
  if (uniforms.length !== rows || (histories && histories.length !== rows)) {
    const given = `${uniforms.length} uniform numbers${histories ? ` and ${histories.length} histories` : ''}`
    throw new ShapeError(`sampling from ${rows} rows of logits got ${given}; expected one a row`)
  }
  for (const history of histories ?? []) {
    for (const id of history) {
      if (!(id >= 0 && id < vocabulary)) {
        throw new ShapeError(`a history holds token ${id}, which is outside the vocabulary of ${vocabulary}`)
      }
    }
  }
}

/** {@link sampleTokens} on values in JavaScript, in double precision. */
function sampleTokensReference(
  logits: Float32Array, // [B, V]
  [rows, vocabulary]: readonly [rows: number, vocabulary: number],
  { parameters, uniforms, histories }: SampleTokensAttributes,
): SampledTokens {
  const ids = new Int32Array(rows)
  const logProbs = new Float32Array(rows)
  const entropies = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const z = logits.subarray(row * vocabulary, (row + 1) * vocabulary)
    ids[row] = sampleRow(z, parameters, uniforms[row]!, histories?.[row] ?? [])
    const logP = logSoftmax(z, parameters.temperature || 1)
    logProbs[row] = logP[ids[row]!]!
    entropies[row] = logP.reduce((sum, x) => (x > -Infinity ? sum - Math.exp(x) * x : sum), 0)
  }
  return { ids, logProbs, entropies, statistics: null }
}

function logSoftmax(z: Float32Array, temperature: number): Float64Array {
  const max = z.reduce((a, b) => Math.max(a, b), -Infinity)
  const logSum = Math.log(z.reduce((total, logit) => total + Math.exp((logit - max) / temperature), 0))
  return Float64Array.from(z, (logit) => (logit - max) / temperature - logSum)
}

/** Draws a token from one row of logits. */
function sampleRow(
  z: Float32Array, // [V]
  { temperature, topK, topP, minP, repetitionPenalty }: SamplingParameters,
  uniform: number,
  history: Iterable<number>,
): number {
  const scores = Float32Array.from(z)
  if (repetitionPenalty !== 1) {
    for (const id of new Set(history)) scores[id] = z[id]! > 0 ? z[id]! / repetitionPenalty : z[id]! * repetitionPenalty
  }
  const max = scores.reduce((a, b) => Math.max(a, b), -Infinity)
  if (temperature === 0) return scores.indexOf(max)

  const p = Float64Array.from(scores, (score) => Math.exp((score - max) / temperature)) // unnormalised; the likeliest is 1
  const keep = (threshold: number): void => {
    for (let i = 0; i < p.length; i++) if (scores[i]! < threshold) p[i] = 0
  }
  if (topK > 0 && topK < p.length) keep(Float32Array.from(scores).sort()[p.length - topK]!)
  if (topP < 1) keep(topPThreshold(scores, p, topP))
  if (minP > 0) keep(Math.fround(max + temperature * Math.log(minP)))
  let left = uniform * p.reduce((a, b) => a + b, 0)
  for (let i = 0; i < p.length; i++) {
    left -= p[i]!
    if (left < 0) return i
  }
  return p.findLastIndex((x) => x > 0) // rounding used up the distribution
}

/** The score of the last of the likeliest tokens that together reach `topP`. */
function topPThreshold(scores: Float32Array, p: Float64Array, topP: number): number {
  const order = Array.from(p.keys()).sort((i, j) => scores[j]! - scores[i]!)
  let left = topP * p.reduce((a, b) => a + b, 0)
  for (const i of order) {
    left -= p[i]!
    if (left <= 0) return scores[i]!
  }
  return -Infinity
}

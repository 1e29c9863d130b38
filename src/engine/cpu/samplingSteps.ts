import * as tf from '../../bundled/tfjs.js'
import type { ModelConfig } from '../../model/config.js'
import { sampleTokens } from '../../ops/sampleTokens.js'
import type { SampledTokens, SampleTokensAttributes } from '../../ops/sampleTokens.js'
import { selectRows } from '../../ops/selectRows.js'
import type { ForwardOptions } from './decoder.js'
import type { KeptProjections } from './keptProjections.js'
import { KeyValueCache } from './keyValueCache.js'
import type { PackedBatch } from './packedBatch.js'
import type { DecodingStep } from './scheduler.js'

/** Computes the steps of sampling over a cache of its own. */
export interface SamplingSteps {
  /** Computes a step and draws the next token of each of its sequences. */
  sample(step: DecodingStep, draw: SampleTokensAttributes): Promise<SampledTokens>
  dispose(): void
}

/** What {@link TensorSteps} needs of a model. */
export interface TensorDecoder {
  readonly forward: (batch: PackedBatch, options: ForwardOptions) => tf.Tensor2D // [N, hidden]
  readonly logits: (hidden: tf.Tensor2D /* [n, hidden] */) => tf.Tensor2D // [n, V]
}

/** Steps by the forward pass of training, one op of tfjs after another: on any backend. */
export class TensorSteps implements SamplingSteps {
  readonly #cache: KeyValueCache

  constructor(
    private readonly decoder: TensorDecoder,
    config: ModelConfig,
    slots: number,
    private readonly kept: KeptProjections | null,
  ) {
    this.#cache = new KeyValueCache(config, slots)
  }

  async sample({ batch, rows, keptRows }: DecodingStep, draw: SampleTokensAttributes): Promise<SampledTokens> {
    const { decoder, kept } = this
    const options = { cache: this.#cache, ...(kept && { keep: { projections: kept, rows: keptRows } }) }
    const logits = tf.tidy(() => decoder.logits(selectRows(decoder.forward(batch, options), rows)))
    try {
      return await sampleTokens(logits, draw.parameters, draw.uniforms, draw.histories)
    } finally {
      logits.dispose()
    }
  }

  dispose(): void {
    this.#cache.dispose()
  }
}

import type { ModelConfig } from '../../model/config.js'
import { projectionName } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'
import type { ArrayName } from '../../xla/programs/decoderArrays.js'

/** The tensors of a model's file that an array consists of, one behind the other. */
export function tensorNames({ numLayers }: Pick<ModelConfig, 'numLayers'>, array: ArrayName): string[] {
  const layers = Array.from({ length: numLayers }, (_, layer) => layer)
  const weights = (...projections: Projection[]): string[] =>
    layers.flatMap((layer) => projections.map((projection) => `${projectionName(layer, projection)}.weight`))
  const biases = (...projections: Projection[]): string[] =>
    weights(...projections).map((name) => name.replace(/\.weight$/, '.bias'))
  const norms = (name: string): string[] => layers.map((layer) => `model.layers.${layer}.${name}.weight`)
  switch (array) {
    case 'embedding':
      return ['model.embed_tokens.weight']
    case 'head':
      return ['lm_head.weight']
    case 'finalNorm':
      return ['model.norm.weight']
    case 'inputNorm':
      return norms('input_layernorm')
    case 'postAttentionNorm':
      return norms('post_attention_layernorm')
    case 'queryNorm':
      return norms('self_attn.q_norm')
    case 'keyNorm':
      return norms('self_attn.k_norm')
    case 'queryKeyValue':
      return weights('q_proj', 'k_proj', 'v_proj')
    case 'queryKeyValueBias':
      return biases('q_proj', 'k_proj', 'v_proj')
    case 'output':
      return weights('o_proj')
    case 'outputBias':
      return biases('o_proj')
    case 'gateUp':
      return weights('gate_proj', 'up_proj')
    case 'gateUpBias':
      return biases('gate_proj', 'up_proj')
    case 'down':
      return weights('down_proj')
    case 'downBias':
      return biases('down_proj')
  }
}

import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { parseModelConfig } from '../../src/model/config.js'
import { packGroups } from '../../src/engine/cpu/packedBatch.js'
import { initialValues, TrainableModel } from '../../src/engine/cpu/trainableModel.js'
import { crossEntropy } from '../../src/ops/crossEntropy.js'
import { record } from '../../src/ops/gradients.js'
import { selectRows } from '../../src/ops/selectRows.js'
import { assertClose, OUR_BACKENDS, randomValues, REFERENCE, useBackend, values } from '../ops/suite.js'

const SHAPE = {
  vocab_size: 23,
  hidden_size: 12,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
}
const architectures = {
  'Llama, tied': { architectures: ['LlamaForCausalLM'], tie_word_embeddings: true },
  'Qwen2, untied, with biases': { architectures: ['Qwen2ForCausalLM'], tie_word_embeddings: false },
  'Qwen3, with norms of heads': { architectures: ['Qwen3ForCausalLM'], tie_word_embeddings: true, head_dim: 4 },
}

const { batch, rows, targets } = packGroups([
  { promptIds: [1, 2, 3], completions: [[4, 5, 6, 7], [8], [4, 9, 22]] },
  { promptIds: [10], completions: [[11, 12, 1, 2, 3]] },
])

function makeModel(config: object): TrainableModel {
  const parsed = parseModelConfig({ ...SHAPE, ...config }, 'config.json')
  const initial = initialValues(parsed, 3)
  return new TrainableModel(parsed, (name, shape) => {
    const start = initial(name, shape)
    // Norms that are not 1 and biases that are not 0, so that a gradient in the wrong place is seen.
    return shape.length === 1 ? randomValues(start.length, name.length, 0.4).map((x, i) => x + start[i]!) : start
  })
}

function lossOf(model: TrainableModel): tf.Scalar {
  return tf.mean(crossEntropy(model.logits(selectRows(model.forward(batch), rows)), targets))
}

function gradientsOf(model: TrainableModel): { loss: number; gradients: Float32Array[] } {
  const recording = record(() => [lossOf(model)])
  const loss = values(recording.outputs[0]!)[0]!
  const one = tf.scalar(1)
  const gradients = recording.gradients(
    [one],
    model.parameters().map(({ variable }) => variable),
  )
  const result = {
    loss,
    gradients: gradients.map((gradient, i) => {
      assert.ok(gradient, `${model.parameters()[i]!.name} has a gradient`)
      return values(gradient)
    }),
  }
  tf.dispose([one, ...gradients.filter((gradient) => gradient !== null)])
  return result
}

describe('pretrain/gradients of all weights', () => {
  afterEach(() => useBackend(REFERENCE))

  for (const [title, config] of Object.entries(architectures)) {
    describe(title, () => {
      it('are those of finite differences', async () => {
        await useBackend(REFERENCE)
        const model = makeModel(config)
        const { gradients } = gradientsOf(model)
        const at = (variable: tf.Variable, point: Float32Array): number => {
          tf.tidy(() => {
            variable.assign(tf.tensor(point, variable.shape))
          })
          return tf.tidy(() => values(lossOf(model))[0]!)
        }
        for (const [i, { name, variable }] of model.parameters().entries()) {
          const start = values(variable).slice()
          const direction = randomValues(start.length, i + 1)
          const length = Math.hypot(...direction)
          const moved = (step: number): Float32Array => start.map((x, j) => x + (step * direction[j]!) / length)
          const numeric = (at(variable, moved(1e-2)) - at(variable, moved(-1e-2))) / 2e-2
          at(variable, start)
          const analytic = gradients[i]!.reduce((sum, g, j) => sum + (g * direction[j]!) / length, 0)
          assert.ok(Math.abs(numeric - analytic) < 1e-3, `${name}: gradient ${analytic}, finite difference ${numeric}`)
        }
        model.dispose()
      })

      for (const backend of OUR_BACKENDS) {
        it(`are those of the reference on ${backend}, and leak nothing`, async () => {
          await useBackend(REFERENCE)
          const reference = makeModel(config)
          const expected = gradientsOf(reference)
          reference.dispose()
          await useBackend(backend)
          const before = tf.memory().numTensors
          const model = makeModel(config)
          const actual = gradientsOf(model)
          assertClose([actual.loss], [expected.loss], 1e-5, 'loss')
          for (const [i, { name }] of model.parameters().entries()) {
            assertClose(actual.gradients[i]!, expected.gradients[i]!, 1e-5, name)
          }
          model.dispose()
          assert.equal(tf.memory().numTensors, before)
        })
      }
    })
  }
})

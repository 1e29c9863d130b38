import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../src/io/dtypes.js'
import { decodeRows, GgufFile } from '../../src/model/gguf/ggufFile.js'
import { expectedTensors } from '../../src/model/modelTensors.js'
import { readModel } from '../../src/model/readModel.js'
import type { ModelWeights } from '../../src/model/weights/modelWeights.js'
import { openModelWeights } from '../../src/model/weights/openModelWeights.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { forEachPiece, widenRows } from '../../src/quantization/matrixSource.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { unpackedModel } from '../conformance/command.js'
import { sequenceLogits } from '../fixtures/policies.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { pythonWith } from '../python.js'
import { requireShared } from '../shared.js'

const ids = [1, 4093, 198, 1780, 314, 216, 49151, 0, 2, 198, 520, 9531]

const texts = [
  '',
  'The answer is 72.',
  '  two   spaces\n\n\n\tand a tab \r\n',
  "It's 12345 + 67.8, don't they'LL 1/2 ½ ٣٤",
  'Café 東京 🙂 e\u0301 ñ Ω ﬁ नमस्ते עברית 👩‍👩‍👧',
  '\u0085\ufeff\u00a0\u2028\u3000x',
  'a <|im_end|> b <|im_start|>user\n<|endoftext|><repo_name>',
  'def f(x):\n    return x ** 2  # square\n',
  '<think>so</think> \\frac{1}{2} $x_1$',
]

function sameBits(a: Float32Array, b: Float32Array, what: string): void {
  const bytes = (values: Float32Array): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  assert.equal(Buffer.compare(bytes(a), bytes(b)), 0, what)
}

/** Visits every tensor of a model in pieces. */
function forEachValue(weights: ModelWeights, name: string, use: (values: Float32Array, first: number) => void): void {
  const shape = weights.shapes.get(name)!
  if (shape.length === 1) use(weights.vector(name), 0)
  else {
    forEachPiece(weights.matrix(name), (rows, first) => {
      use(widenRows(rows), first * shape[1]!)
    })
  }
}

function checkTokenizer(made: Tokenizer, original: Tokenizer): void {
  assert.equal(made.vocabularySize, original.vocabularySize)
  for (const name of ['bosTokenId', 'eosTokenId', 'padTokenId'] as const) assert.equal(made[name], original[name])
  // llama.cpp ends at <|endoftext|> too, whatever the model.
  assert.deepEqual(made.eosTokenIds, [...original.eosTokenIds, 0])
  for (const text of texts) {
    for (const addSpecialTokens of [false, true]) {
      for (const allowSpecialTokens of [false, true]) {
        const options = { addSpecialTokens, allowSpecialTokens }
        const expected = original.encode(text, options)
        assert.deepEqual(made.encode(text, options), expected, text)
        for (const skipSpecialTokens of [false, true]) {
          const decoded = made.decode(expected, { skipSpecialTokens })
          assert.equal(decoded, original.decode(expected, { skipSpecialTokens }))
        }
      }
    }
    const chat = [
      { role: 'system', content: text },
      { role: 'user', content: `Q: ${text}` },
      { role: 'assistant', content: text },
      { role: 'user', content: 'Why?' },
    ]
    for (const messages of [chat, chat.slice(1, 2)]) {
      assert.equal(made.applyChatTemplate(messages), original.applyChatTemplate(messages))
      assert.deepEqual(made.encodeChat(messages), original.encodeChat(messages))
    }
  }
}

describe('GGUF files of SmolLM2-135M-Instruct', function () {
  it("made by llama.cpp: config, weights and tokenizer are those of the folder that was made from the file's numbers", function () {
    const file = requireShared(this, 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf')
    const folder = unpackedModel(path.dirname(file))
    const [made, original] = [readModel(file)!, readModel(folder)!]
    const { raw, ...config } = original.config
    assert.equal(raw.torch_dtype, 'bfloat16')
    assert.deepEqual({ ...made.config, raw: null }, { ...config, torchDtype: null, raw: null })
    checkTokenizer(Tokenizer.from(made.files!), Tokenizer.from(original.files!))
    const weights = openModelWeights(file, made.config)
    const expected = openModelWeights(folder, original.config)
    assert.equal(weights.quantization, 'Q4_1 (GGUF)')
    for (const name of expectedTensors(made.config).keys()) {
      const rounded = new Float32Array(weights.shapes.get(name)!.reduce((product, size) => product * size, 1))
      forEachValue(weights, name, (values, first) => {
        rounded.set(bfloat16ToFloat32(float32ToBfloat16(values)), first)
      })
      forEachValue(expected, name, (values, first) => {
        sameBits(values, rounded.subarray(first, first + values.length), name)
      })
    }
    weights.close()
    expected.close()
  })

  describe('made by gguf-py', () => {
    const output = temporaryFolder()
    let folder = ''
    before(function () {
      const python = pythonWith(this, 'gguf', 'numpy')
      folder = unpackedModel(requireShared(this, 'models'))
      const program = path.join(import.meta.dirname, 'gguf.py')
      const { status, stderr } = spawnSync(python, [program, folder, output], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    })

    it('have in every type the very numbers that gguf-py makes of them', () => {
      GgufFile.use(path.join(output, 'types.gguf'), (gguf) => {
        assert.equal(gguf.tensors.size, 10)
        for (const [name, tensor] of gguf.tensors) {
          const values = widenRows(decodeRows(tensor, gguf.readRows(tensor, 0, tensor.shape[0]!)))
          const bytes = fs.readFileSync(path.join(output, `${name}.f32`))
          sameBits(values, new Float32Array(Uint8Array.from(bytes).buffer), name)
        }
      })
    })

    it('have the tokenizer of the model', () => {
      const made = Tokenizer.from(readModel(path.join(output, 'q8_0.gguf'))!.files!)
      checkTokenizer(made, Tokenizer.load(folder))
    })

    for (const [name, quantization, allowed] of [
      ['bf16', null, 0],
      ['f16', null, 0],
      ['q8_0', 'Q8_0 (GGUF)', 2],
    ] as const) {
      it(`${name}: has logits ${allowed === 0 ? 'of the same bits as' : 'like'} the model's`, async () => {
        await selectEngine('cpu')
        const logitsOf = async (source: string): Promise<Float32Array> => {
          const model: CausalLM = await loadModel(source)
          const logits = sequenceLogits(model, ids)
          model.dispose()
          return logits
        }
        const file = path.join(output, `${name}.gguf`)
        const weights = openModelWeights(file, readModel(file)!.config)
        assert.equal(weights.quantization, quantization)
        weights.close()
        const [made, original] = [await logitsOf(file), await logitsOf(folder)]
        const largest = made.reduce((most, value, i) => Math.max(most, Math.abs(value - original[i]!)), 0)
        console.log(`      logits differ by ${largest}`)
        assert.ok(largest <= allowed, `logits differ by ${largest}`)
      })
    }
  })
})

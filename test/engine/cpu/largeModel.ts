/**
 * Whether the cpu engine computes with models whose weights are beyond the 4 GiB of WebAssembly's memory: random ones of 2.5 and 1.24
 * billion parameters, in bfloat16 and in float32. Each is loaded and sampled from, and a gradient is taken, in processes of their own
 * with one thread and with two, which have to come to the same bits.
 *   npm run test:large [-- --folder FOLDER for 7.5 GB of models]
 * Needs 8 GB of memory and about ten minutes.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { peakResidentBytes } from '../../../src/cli/bench/peakMemory.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { gibibytes } from '../../../src/io/units.js'
import { createRandomModel } from '../../../src/model/randomModel.js'
import type { WeightDtype } from '../../../src/model/weights/weightDtype.js'
import { loadModel } from '../../../src/policy/loadModel.js'

/** Shapes of Llama-3.2-1B: 1.24 billion parameters in 16 layers. */
const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  torch_dtype: 'bfloat16',
  vocab_size: 128256,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  max_position_embeddings: 2048,
  tie_word_embeddings: true,
}

const CASES: readonly { layers: number; dtype: WeightDtype }[] = [
  { layers: 37, dtype: 'auto' },
  { layers: 16, dtype: 'float32' },
]

/** Memory beside the weights: Node, tfjs, the pieces that are read, activations and the adapter. */
const BESIDE = 1.2 * 2 ** 30

/** What a process says of a model. */
interface Result {
  readonly weightBytes: number
  readonly outsideBytes: number
  /** Most bytes of main memory, when the model was loaded and in the end. */
  readonly loaded: number
  readonly peak: number
  readonly seconds: readonly number[]
  /** Of tokens, log-probabilities and gradient. */
  readonly digest: string
}

async function compute(folder: string, dtype: WeightDtype, threads: number): Promise<Result> {
  const { engine } = await selectEngine('cpu', { threads })
  const times = [performance.now()]
  const model = await loadModel(folder, { engine, dtype })
  const loaded = peakResidentBytes()
  times.push(performance.now())
  const { weightBytes, outsideBytes } = model.engineModel
  const policy = model.withLora({ r: 4 })
  // A's alone change nothing; B's of zeros would make the gradient of the A's zero.
  policy.adapter!.values.forEach((_, i, values) => (values[i] = Math.fround(0.02 * Math.sin(i))))

  const prompts = [Array.from({ length: 9 }, (_, i) => 1000 * i), [17]]
  const sampling = { numGenerations: 2, maxCompletionLength: 8, seed: 3, eosTokenIds: [] }
  const groups = await policy.engineModel.generate(prompts, sampling)
  times.push(performance.now())
  const rows = groups.flatMap((completions, i) =>
    completions.map(({ ids }) => ({ promptIds: prompts[i]!, completionIds: ids })),
  )
  const recording = await policy.engineModel.record(rows, { temperature: 1 })
  const sampled = groups.flat().map(({ logProbs }) => logProbs)
  assert.deepEqual(recording.logProbs, sampled, 'training gives other log-probabilities than sampling')
  assert.ok(sampled.flat().every((value) => Number.isFinite(value) && value < 0))
  const gradient = new Float32Array(policy.adapter!.values.length)
  await recording.gradient(
    Float32Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? 1 : -1)),
    null,
    gradient,
  )
  assert.ok(gradient.some((value) => value !== 0) && gradient.every(Number.isFinite))
  times.push(performance.now())
  const hash = createHash('sha256').update(JSON.stringify(groups)).update(gradient)
  const seconds = times.slice(1).map((time, i) => (time - times[i]!) / 1000)
  const peak = peakResidentBytes()
  policy.dispose()
  model.dispose()
  assert.ok(engine.memory().used < 2 ** 30, 'the weights are still there')
  return { weightBytes, outsideBytes, loaded, peak, seconds, digest: hash.digest('hex').slice(0, 16) }
}

function inOwnProcess(folder: string, dtype: WeightDtype, threads: number): Result {
  const job = ['--job', JSON.stringify([folder, dtype, threads])]
  const { status, stdout } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, ...job], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.equal(status, 0, `${dtype}, ${threads} threads: the process ended with ${status}`)
  return JSON.parse(stdout) as Result
}

const { values } = parseArgs({ options: { job: { type: 'string' }, folder: { type: 'string' } } })
if (values.job !== undefined) {
  const job = JSON.parse(values.job) as Parameters<typeof compute>
  console.log(JSON.stringify(await compute(...job)))
} else {
  const parent = values.folder ?? fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-large-'))
  try {
    for (const { layers, dtype } of CASES) {
      const folder = path.join(parent, `${layers}-layers`)
      if (!fs.existsSync(path.join(folder, 'config.json'))) {
        createRandomModel(folder, { ...llama, num_hidden_layers: layers })
      }
      const results = [1, 2].map((threads) => inOwnProcess(folder, dtype, threads))
      for (const [i, { weightBytes, outsideBytes, loaded, peak, seconds, digest }] of results.entries()) {
        const [load, sample, gradient] = seconds.map((value) => value.toFixed(1))
        console.log(
          `${layers} layers, ${dtype}, ${i + 1} threads: ${gibibytes(weightBytes)} of weights, ${gibibytes(outsideBytes)} of them outside; ` +
            `at most ${gibibytes(loaded)} while loading, ${gibibytes(peak)} in the end; ` +
            `${load} s to load, ${sample} s to sample 4 x 8 tokens, ${gradient} s for the gradient; ${digest}`,
        )
        assert.ok(weightBytes > 4 * 2 ** 30)
        assert.ok(peak < weightBytes + BESIDE, `${gibibytes(peak)} of memory`)
        assert.equal(digest, results[0]!.digest, 'the bits depend on the number of threads')
      }
      if (values.folder === undefined) fs.rmSync(folder, { recursive: true })
    }
  } finally {
    if (values.folder === undefined) fs.rmSync(parent, { recursive: true, force: true })
  }
}

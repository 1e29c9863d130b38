/**
 * Samples from a server of vLLM as training does, and measures how far its log-probabilities are from those of this library:
 *
 *   npm run test:vllm -- --url http://127.0.0.1:8000 --model FOLDER [--task arithmetic] [--temperature 0.7] [--steps 3]
 *
 * The server has to serve the same model and take adapters:
 *
 *   VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve FOLDER --enable-lora --max-lora-rank 16 --logprobs-mode processed_logprobs
 *
 * Each step is one of training on what the server sampled, so that each has another adapter; the answer of an earlier adapter would show.
 */
import { parseArgs } from 'node:util'
import { GRPOTrainer, loadModel, rolloutServers, selectEngine, tasks } from '../dist/index.js'

const { values } = parseArgs({
  options: {
    url: { type: 'string', multiple: true },
    model: { type: 'string' },
    engine: { type: 'string', default: 'vllm' },
    task: { type: 'string', default: 'arithmetic' },
    temperature: { type: 'string', default: '1' },
    steps: { type: 'string', default: '3' },
    'max-completion-length': { type: 'string', default: '48' },
    'api-key-env': { type: 'string' },
    'adapter-dir': { type: 'string' },
  },
})
if (values.url === undefined || values.model === undefined) {
  console.error('--url and --model are needed: the server, and the folder of the model that it serves')
  process.exit(2)
}
/** Any that differs within groups: each step has to change the policy. */
function shorter({ ids }) {
  return -ids.length - (ids.at(-1) ?? 0) / 1000
}

await selectEngine('cpu')
const base = await loadModel(values.model)
const servers = rolloutServers(
  {
    engine: values.engine === 'sglang' ? 'sglang' : 'vllm',
    baseUrl: values.url,
    apiKeyEnv: values['api-key-env'],
    adapterDir: values['adapter-dir'],
  },
  {
    onChecked: (url, { mean, max, tokens }) => {
      console.log(
        `${url}: probe of ${tokens} tokens: mean ${mean.toExponential(2)} nats apart, at most ${max.toExponential(2)}`,
      )
    },
  },
)
try {
  const trainer = new GRPOTrainer({
    policy: base.withLora({ r: 16, alpha: 32 }),
    task: await tasks.loadTask(values.task, { limit: 32 }),
    rewards: [shorter],
    rolloutEngine: servers,
    config: {
      maxSteps: Number(values.steps),
      numGenerations: 4,
      perDeviceTrainBatchSize: 32,
      maxCompletionLength: Number(values['max-completion-length']),
      temperature: Number(values.temperature),
      learningRate: 1e-3,
    },
  })
  for await (const { step, metrics } of trainer) {
    const [mean, max] = ['mean', 'max'].map((of) => metrics[`sampling/sampling_logp_difference/${of}`])
    const [least, most] = ['min', 'max'].map((of) => metrics[`sampling/importance_sampling_ratio/${of}`])
    console.log(
      `step ${step}: mean ${mean.toExponential(2)} nats apart, at most ${max.toExponential(2)}; ratios ${least.toFixed(3)} to ${most.toFixed(3)}, ` +
        `${metrics.tokens_per_second.toFixed(0)} tokens/s, gradient norm ${metrics.grad_norm.toFixed(2)}`,
    )
  }
} finally {
  await servers.close()
}
process.exit(0)

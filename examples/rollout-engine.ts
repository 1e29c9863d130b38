// A rollout engine: completions are sampled by a server, which gets the adapter whenever it has changed. The server is a few lines
// here, with a model of its own; elsewhere it is a machine with a GPU.
//
//     npx tsx examples/rollout-engine.ts [STEPS]
import { once } from 'node:events'
import fs from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { generate, GRPOTrainer, loadModel, rewards, tasks } from 'grpo-ts'
import type { CausalLM, Completion, Policy, RolloutEngine, SamplingOptions } from 'grpo-ts'

const maxSteps = Number(process.argv[2] ?? 10)

/** What a request says: where an adapter is, or what to sample. */
interface Request {
  readonly adapter?: string
  readonly prompts?: readonly number[][]
  readonly options?: SamplingOptions
}

/** Starts the server and returns where it is. */
async function serve(): Promise<string> {
  const base = await loadModel('word-problems-2m')
  let policy: CausalLM = base
  const server = createServer((request, response) => {
    const answer = async ({ adapter, prompts, options }: Request): Promise<Completion[][]> => {
      if (adapter !== undefined) policy = base.withAdapter(adapter)
      return prompts && options ? generate(policy, prompts, options) : []
    }
    json(request)
      .then((body) => answer(body as Request))
      .then((completions) => response.end(JSON.stringify(completions)))
      .catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The side of the trainer. */
class Client implements RolloutEngine {
  readonly name = 'word-problems-2m over HTTP'
  // The server computes what training does, so its log-probabilities would be `exact`. Those of a GPU are not.
  readonly agreement = 'tolerance'
  readonly #adapters = fs.mkdtempSync(path.join(os.tmpdir(), 'adapters-'))

  constructor(private readonly url: string) {}

  async sync(policy: Policy, step: number): Promise<void> {
    const adapter = path.join(this.#adapters, `step-${step}`)
    await policy.saveAdapter(adapter)
    await this.#post({ adapter })
  }

  generate(prompts: readonly number[][], { signal, ...options }: SamplingOptions): Promise<Completion[][]> {
    return this.#post({ prompts, options }, signal)
  }

  async #post(request: Request, signal?: AbortSignal): Promise<Completion[][]> {
    const init = { method: 'POST', body: JSON.stringify(request), ...(signal && { signal }) }
    const response = await fetch(this.url, init)
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
    return (await response.json()) as Completion[][]
  }
}

const model = await loadModel('word-problems-2m')
const trainer = new GRPOTrainer({
  policy: model.withLora({ r: 16, alpha: 32 }),
  task: tasks.wordProblems({ limit: 400 }),
  rewards: [rewards.correctness()],
  rolloutEngine: new Client(await serve()),
  config: { maxSteps, numGenerations: 8, perDeviceTrainBatchSize: 64, maxCompletionLength: 64, learningRate: 2e-3 },
})
for await (const { step, metrics } of trainer) {
  const difference = metrics['sampling/sampling_logp_difference/mean']
  console.log(`step ${step}: reward ${metrics.reward?.toFixed(2)}, ${difference} nats between sampling and training`)
}

/**
 * What `grpo-ts serve` costs beside the library, and whether adapters that come and go leave anything behind.
 *
 *   npm run bench:serve
 *   npm run bench:serve -- --model DIR --cycles 50 --only adapters     or --only speed
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { selectEngine } from '../src/engine/registry.js'
import type { Completion } from '../src/engine/sampling.js'
import { completionsResponseSchema } from '../src/grpo/rollouts/servers/protocol.js'
import { generate } from '../src/policy/generate.js'
import { loadModel } from '../src/policy/loadModel.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'word-problems-2m' },
    cycles: { type: 'string', default: '200' },
    only: { type: 'string' },
  },
})
const { model: name, cycles, only } = values
const [PROMPTS, GENERATIONS, TOKENS] = [32, 4, 64]

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-bench-serve-'))
const { engine } = await selectEngine('cpu')
const model = await loadModel(name)
const server = spawn(
  process.execPath,
  [
    '--import',
    'tsx',
    'src/cli/main.ts',
    'serve',
    name,
    '--port',
    '0',
    '--engine',
    'cpu',
    '--served-model-name',
    'base',
  ],
  { cwd: path.resolve(import.meta.dirname, '..'), stdio: ['ignore', 'pipe', 'ignore'] },
)
try {
  const url = await addressOf()
  if (only !== 'adapters') await compareSpeed(url)
  if (only !== 'speed') await exchangeAdapters(url)
} finally {
  server.kill()
  await once(server, 'exit')
  model.dispose()
  await engine.dispose()
  fs.rmSync(folder, { recursive: true })
}

async function addressOf(): Promise<string> {
  for await (const chunk of server.stdout) {
    const [, url] = /^serving +(\S+)$/m.exec(String(chunk)) ?? []
    if (url !== undefined) return url
  }
  throw new Error('the server ended')
}

async function post(url: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text.startsWith('{') ? JSON.parse(text) : text
}

/** The same completions by the library, by one request, by a request for each prompt at once, and by one after the other. */
async function compareSpeed(url: string): Promise<void> {
  const prompts = Array.from({ length: PROMPTS }, (_, i) =>
    model.tokenizer!.encodeChat([{ role: 'user', content: `Tom has ${i + 3} apples and gives ${i % 3} to Ann.` }]),
  )
  const options = { maxCompletionLength: TOKENS, numGenerations: GENERATIONS, seed: 1, eosTokenIds: [] }
  const request = {
    model: 'base',
    n: GENERATIONS,
    max_tokens: TOKENS,
    seed: 1,
    ignore_eos: true,
    logprobs: 0,
    return_token_ids: true,
  }
  const ask = async (prompt: number[][]): Promise<Completion['ids'][]> =>
    completionsResponseSchema
      .parse(await post(`${url}/v1/completions`, { ...request, prompt }))
      .choices.map((choice) => choice.token_ids)
  const ways: Record<string, () => Promise<Completion['ids'][]>> = {
    'generate in this process': async () => (await generate(model, prompts, options)).flat().map(({ ids }) => ids),
    'one request': () => ask(prompts),
    'a request for each prompt, at once': async () =>
      (await Promise.all(prompts.map((prompt) => ask([prompt])))).flat(),
    'a request for each prompt, one after the other': async () => {
      const answers = []
      for (const prompt of prompts) answers.push(...(await ask([prompt])))
      return answers
    },
  }
  const expected = JSON.stringify(await ways['generate in this process']!())
  const tokens = PROMPTS * GENERATIONS * TOKENS
  for (const [way, run] of Object.entries(ways)) {
    await run()
    const seconds: number[] = []
    for (let i = 0; i < 3; i++) {
      const started = performance.now()
      const isSame = JSON.stringify(await run()) === expected
      seconds.push((performance.now() - started) / 1000)
      if (!isSame) throw new Error(`${way}: other completions than generate`)
    }
    const best = Math.min(...seconds)
    console.log(`${way.padEnd(48)} ${best.toFixed(2)} s  ${(tokens / best).toFixed(0)} tokens/s`)
  }
}

/** Loads an adapter, uses it and unloads it, again and again, each under a new name; every other one by its files. */
async function exchangeAdapters(url: string): Promise<void> {
  const adapter = path.join(folder, 'adapter')
  const policy = model.withLora({ r: 16 })
  await policy.saveAdapter(adapter)
  policy.dispose()
  const files = Object.fromEntries(
    fs.readdirSync(adapter).map((file) => [file, fs.readFileSync(path.join(adapter, file)).toString('base64')]),
  )
  const temporary = (): number =>
    fs.readdirSync(os.tmpdir()).filter((file) => file.startsWith('grpo-ts-adapter-')).length
  const earlier = temporary()
  for (let cycle = 0; cycle <= Number(cycles); cycle++) {
    const lora = { lora_name: `step-${cycle}`, lora_path: adapter }
    await post(`${url}/v1/load_lora_adapter`, cycle % 2 === 0 ? lora : { ...lora, files })
    await post(`${url}/v1/completions`, { model: lora.lora_name, prompt: 'Tom has 3 apples.', n: 4, max_tokens: 8 })
    await post(`${url}/v1/unload_lora_adapter`, { lora_name: lora.lora_name })
    if (cycle % (Number(cycles) / 4) !== 0) continue
    const metrics = await (await fetch(`${url}/metrics`)).text()
    const bytes = Number(/^process_resident_memory_bytes (\d+)$/m.exec(metrics)![1])
    const descriptors = fs.existsSync('/proc') ? fs.readdirSync(`/proc/${server.pid}/fd`).length : NaN
    console.log(
      `${String(cycle).padStart(4)} adapters: ${(bytes / 1e6).toFixed(0)} MB resident, ${descriptors} descriptors, ${temporary() - earlier} folders left`,
    )
  }
}

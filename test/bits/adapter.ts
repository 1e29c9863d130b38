/**
 * Trains an adapter for ten steps and prints its SHA-256, what computed it and how long that took, as a JSON line:
 * `node --import tsx test/bits/adapter.ts WORKLOAD THREADS MODEL-FOLDER`; for scripts/test-bits.mjs.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { modelFolders, prepareWorkload, workloads } from '../../bench/workloads.js'
import { measureSteps } from '../../src/cli/bench/fixedWorkload.js'
import { selectEngine } from '../../src/engine/registry.js'

const STEPS = 10

/** Odd sizes, so that blocks, vectors and tiles do not come out even. */
const sizes = {
  tiny: { prompts: 5, numGenerations: 6, promptLength: 37, maxCompletionLength: 23, perDeviceTrainBatchSize: 15 },
  smollm2: { prompts: 1, numGenerations: 5, promptLength: 19, maxCompletionLength: 7, perDeviceTrainBatchSize: 5 },
}

const [name, threads, pretrained] = process.argv.slice(2) as [keyof typeof sizes, string, string | undefined]
const started = performance.now()
const { engine } = await selectEngine('cpu', { threads: Number(threads) })
const folders = modelFolders(pretrained ?? null)
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-bits-'))
try {
  const known = workloads.find((workload) => workload.name === name)!
  const workload = { ...known, ...sizes[name], steps: STEPS, warmUp: false }
  const { policy, task, config } = await prepareWorkload(workload, folders.of(workload)!)
  // A rate at which every step changes what the next one samples.
  const steps = measureSteps(policy, task, { ...config, learningRate: 1e-3 })
  let completionTokens = 0
  for await (const step of steps) completionTokens += step.completionTokens
  await policy.saveAdapter(folder)
  const adapter = fs.readFileSync(path.join(folder, 'adapter_model.safetensors'))
  process.stdout.write(
    `${JSON.stringify({
      kernels: engine.info.description,
      sha256: createHash('sha256').update(adapter).digest('hex'),
      completionTokens,
      seconds: (performance.now() - started) / 1000,
    })}\n`,
  )
} finally {
  fs.rmSync(folder, { recursive: true })
  folders.remove()
}
process.exit(0)

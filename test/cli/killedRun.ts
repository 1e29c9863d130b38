import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { run, start } from './run.js'

/** What a run leaves: its adapter, and its files line by line without the metrics that are times. */
export interface RunFolderContents {
  adapter: string
  metrics: unknown[]
  completions: string
}

const VARYING = ['step_time', 'sampling_time', 'tokens_per_second', 'memory/tensor_bytes', 'memory/process_bytes']

export function runFolderContents(folder: string): RunFolderContents {
  const lines = fs.readFileSync(path.join(folder, 'metrics.jsonl'), 'utf8').trimEnd().split('\n')
  return {
    adapter: fs.readFileSync(path.join(folder, 'adapter', 'adapter_model.safetensors')).toString('base64'),
    metrics: lines.map(
      (line) => JSON.parse(line, (name, value: unknown) => (VARYING.includes(name) ? undefined : value)) as unknown,
    ),
    completions: fs.readFileSync(path.join(folder, 'completions.jsonl'), 'utf8'),
  }
}

/** A short run that changes the adapter in every step and saves checkpoints all the time. */
export function shortRun(model: string, outputDir: string, steps = 20): string[] {
  const options = {
    model,
    task: 'arithmetic',
    'output-dir': outputDir,
    'max-steps': `${steps}`,
    'save-steps': '4',
    threads: '1',
    'num-generations': '2',
    'per-device-train-batch-size': '4',
    'steps-per-generation': '3',
    'lora-r': '2',
    'max-completion-length': '6',
    'learning-rate': '0.01',
    'entropy-coef': '0.1',
    'generation-batch-size': '12',
  }
  return ['train', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]
}

/** What is sent to a process: SIGKILL leaves it no chance to save anything, after the others it ends with these exit codes. */
export const endCodes = { SIGKILL: null, SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Starts (or resumes) the run as a process of its own and sends it a signal, `milliseconds` after it began to train, or made
 * `afterStep` steps; returns the last step that it printed, 0 when it ended before the first, null when it had ended by itself.
 */
export async function startAndKill(
  args: readonly string[],
  milliseconds: number,
  afterStep = 0,
  kill: keyof typeof endCodes = 'SIGKILL',
): Promise<number | null> {
  const child = start(args)
  const stderr = text(child.stderr)
  let output = ''
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>
  const training = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const steps = output.match(/^step /gm)?.length ?? 0
      if (/^output /m.test(output) && steps >= afterStep) resolve()
    })
  })
  await Promise.race([training, exit])
  await Promise.race([setTimeout(milliseconds), exit])
  child.kill(kill)
  const [code, signal] = await exit
  // A signal that comes before the program listens ends it as it ends any program.
  const isKilled = signal === kill || (code !== null && code === endCodes[kill])
  assert.ok(isKilled || code === 0, `code ${code}, signal ${signal}: ${await stderr}`)
  return isKilled ? Number([...output.matchAll(/^step (\d+)\//gm)].at(-1)?.[1] ?? 0) : null
}

/** Runs to the end in this process. */
export async function runToEnd(args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(args)
  assert.equal(code, 0, stderr)
}

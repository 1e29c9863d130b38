import { spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import readline from 'node:readline'

/** A product of `linear`: x [rows, width] · Wᵀ, or its gradient dy [rows, out] · W. */
export interface LinearShape {
  readonly rows: number
  readonly width: number
  readonly out: number
  readonly direction: 'forward' | 'backward'
}

/** A Python process that multiplies float32 matrices with torch, one after another, between our own measurements. */
export interface TorchMatmul {
  readonly version: string
  /** @returns GFLOP/s of the fastest run */
  measure(shape: LinearShape, threads: number, milliseconds: number): Promise<number>
  stop(): void
}

/** Whether a Python can import packages. */
export function canImport(python: string, packages: readonly string[]): boolean {
  return spawnSync(python, ['-c', `import ${packages.join(', ')}`], { stdio: 'ignore' }).status === 0
}

/** Starts Python with torch; null when it does not have it. */
export async function startTorch(python: string): Promise<TorchMatmul | null> {
  if (!canImport(python, ['torch'])) return null
  const child = spawn(python, [path.join(import.meta.dirname, 'torchMatmul.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<Record<string, unknown>> => {
    const line = await lines.next()
    if (line.done) throw new Error(`${python} bench/torchMatmul.py ended before it answered; see above`)
    return JSON.parse(line.value) as Record<string, unknown>
  }
  const { torch } = await answer()
  return {
    version: String(torch),
    measure: async (shape, threads, milliseconds) => {
      child.stdin.write(`${JSON.stringify({ ...shape, threads, milliseconds })}\n`)
      return Number((await answer()).gflops)
    },
    stop: () => {
      child.stdin.end()
    },
  }
}

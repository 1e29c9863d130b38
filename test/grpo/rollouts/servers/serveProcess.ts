import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

const root = path.resolve(import.meta.dirname, '../../../..')

/** A process of `grpo-ts serve`. */
export interface ServeProcess {
  readonly url: string
  readonly pid: number
  /** Ends it at once, as the operating system does when memory is short. */
  kill(): Promise<void>
}

/** Starts `grpo-ts serve`, as it was built or from its sources, and waits until it listens. */
export async function startServe(
  args: readonly string[],
  { port = 0, isBuilt = false }: { port?: number; isBuilt?: boolean } = {},
): Promise<ServeProcess> {
  const program = isBuilt ? ['dist/cli/main.js'] : ['--import', 'tsx', 'src/cli/main.ts']
  const child = spawn(process.execPath, [...program, 'serve', ...args, '--port', String(port)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors = text(child.stderr)
  const exited = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    const url = /^serving\b.* (http:\S+)$/.exec(line)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    return {
      url,
      pid: child.pid!,
      async kill() {
        child.kill('SIGKILL')
        await exited
      },
    }
  }
  throw new Error(`grpo-ts serve ended: ${await errors}`)
}

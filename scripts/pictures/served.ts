import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { main, root } from './places.js'

/**
 * Starts a command of grpo-ts that serves a page until Ctrl-C, does something with its address, and ends it.
 * @throws Error when the command ends without having printed an address
 */
export async function withServed<T>(args: readonly string[], use: (address: string) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [main, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  try {
    for await (const line of createInterface(child.stdout)) {
      const address = /http:\/\/\S+/.exec(line)?.[0]
      if (address !== undefined) return await use(address)
    }
    throw new Error(`grpo-ts ${args.join(' ')} ended without an address of its page`)
  } finally {
    child.stdout.resume()
    child.kill('SIGINT')
    await ended
  }
}

// Starts a Jupyter kernel and talks to it over the zeromq that tslab brings along.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeMessage, encodeMessage } from './messages.mjs'

const { Dealer, Subscriber } = createRequire(createRequire(import.meta.url).resolve('tslab/package.json'))('zeromq')

/** Seconds that a kernel has to start: it takes two, and many more on a machine that is busy. One that ends is noticed at once. */
const startTimeout = 180

/** The kernel did not start, ended too early, or gave no answer in time. */
export class KernelError extends Error {
  name = 'KernelError'
}

/** @returns {Promise<number>} a TCP port of this machine that nothing uses now */
function findFreePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

export class KernelClient {
  /** Why no request can be answered any more, or null. @type {Error | null} */
  #ended = null
  /** Requests under way, by message id. */
  #waiting = new Map()
  #session = crypto.randomUUID()
  #process
  #folder
  #key
  #shell
  #iopub

  /**
   * Output that arrives after its cell's end; Jupyter adds it to the cell that ran last.
   * @type {((type: string, content: object) => void) | null}
   */
  onLateOutput = null

  /**
   * Starts the kernel and waits until it answers.
   * @param {string[]} argv as in a kernel.json: `{connection_file}` is replaced, `node` is the Node that runs this program
   * @param {{ cwd: string, env?: Record<string, string> }} options
   * @returns {Promise<KernelClient>}
   */
  static async start(argv, { cwd, env = {} }) {
    const client = new KernelClient()
    const connection = { ip: '127.0.0.1', transport: 'tcp', signature_scheme: 'hmac-sha256', kernel_name: 'tslab' }
    connection.key = client.#key = crypto.randomBytes(16).toString('hex')
    for (const channel of ['shell', 'iopub', 'stdin', 'control', 'hb'])
      connection[`${channel}_port`] = await findFreePort()
    client.#folder = fs.mkdtempSync(path.join(os.tmpdir(), 'run-notebook-'))
    const connectionFile = path.join(client.#folder, 'connection.json')
    fs.writeFileSync(connectionFile, JSON.stringify(connection), { mode: 0o600 })

    const [command, ...args] = argv.map((arg) => arg.replace('{connection_file}', connectionFile))
    client.#process = spawn(command === 'node' ? process.execPath : command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: process.platform !== 'win32', // Ctrl-C in a terminal goes to this program alone, which passes it on
    })
    client.#process.once('error', (error) => client.fail(new KernelError(`the kernel did not start: ${error.message}`)))
    client.#process.once('exit', (code, signal) => {
      client.fail(new KernelError(`the kernel ended (${signal ? `signal ${signal}` : `exit code ${code}`})`))
    })
    process.once('exit', () => client.#process.kill('SIGKILL'))

    client.#connect(connection)
    await client.#waitUntilReady()
    return client
  }

  #connect(connection) {
    this.#shell = new Dealer({ linger: 0, routingId: this.#session })
    this.#iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 })
    this.#shell.connect(`tcp://127.0.0.1:${connection.shell_port}`)
    this.#iopub.connect(`tcp://127.0.0.1:${connection.iopub_port}`)
    this.#iopub.subscribe()
    for (const receive of [this.#receiveReplies(), this.#receiveOutput()]) receive.catch((error) => this.fail(error))
  }

  async #receiveReplies() {
    for await (const frames of this.#shell) {
      const message = decodeMessage(this.#key, frames)
      const request = this.#waiting.get(message.parentId)
      if (!request) continue
      request.reply = message.content
      request.settle()
      // Plain tslab loses messages, 'idle' too, when a cell prints hundreds of lines at once: don't wait for it for ever.
      setTimeout(() => request.becomeIdle(), 4000).unref()
    }
  }

  async #receiveOutput() {
    for await (const frames of this.#iopub) {
      const message = decodeMessage(this.#key, frames)
      const request = this.#waiting.get(message.parentId)
      if (message.type !== 'status') (request?.onOutput ?? this.onLateOutput)?.(message.type, message.content)
      else if (message.content.execution_state === 'idle') request?.becomeIdle()
    }
  }

  /** A first answer with its 'idle' says that both sockets are through; an 'idle' sent before that is lost, so ask again soon. */
  async #waitUntilReady() {
    const deadline = performance.now() + startTimeout * 1000
    for (;;) {
      try {
        await this.request('kernel_info_request', {}, { timeout: 0.5 })
        return
      } catch (error) {
        if (this.#ended || performance.now() > deadline) {
          await this.close()
          throw new KernelError(this.#ended?.message ?? `the kernel gave no answer in ${startTimeout} s`, {
            cause: error,
          })
        }
      }
    }
  }

  /**
   * Sends a request and waits for its reply and for the output that belongs to it.
   * @param {string} type
   * @param {object} content
   * @param {{ onOutput?: (type: string, content: object) => void, timeout: number }} options timeout in seconds
   * @returns {Promise<object>} the reply's content
   */
  async request(type, content, { onOutput = () => {}, timeout }) {
    if (this.#ended) throw this.#ended
    const { id, frames } = encodeMessage(this.#key, this.#session, type, content)
    const answer = new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        settle(value)
      }
      const request = {
        onOutput,
        reply: null,
        isIdle: false,
        settle: () => {
          if (request.reply && request.isIdle) end(resolve, request.reply)
        },
        becomeIdle: () => {
          request.isIdle = true
          request.settle()
        },
        fail: (error) => end(reject, error),
      }
      const timer = setTimeout(
        () => request.fail(new KernelError(`no answer in ${timeout} s`)),
        Math.min(timeout * 1000, 2 ** 31 - 1), // setTimeout's limit
      )
      this.#waiting.set(id, request)
    })
    await this.#shell.send(frames)
    return answer
  }

  /** Interrupts the cell that runs, as Jupyter does. */
  interrupt() {
    this.#process.kill('SIGINT')
  }

  /** Ends all requests under way, and every later one, with an error. */
  fail(error) {
    this.#ended ??= error
    for (const request of [...this.#waiting.values()]) request.fail(error)
  }

  /** Asks the kernel to end; kills it when it has not done so in 1.5 s. */
  async close() {
    const hasEnded = () => this.#process.exitCode !== null || this.#process.signalCode !== null
    if (!hasEnded() && this.#process.pid !== undefined) {
      const { frames } = encodeMessage(this.#key, this.#session, 'shutdown_request', { restart: false })
      await this.#shell.send(frames).catch(() => {})
      for (let tenths = 0; tenths < 15 && !hasEnded(); tenths++) await sleep(100)
      this.#process.kill('SIGKILL')
    }
    this.#shell.close()
    this.#iopub.close()
    fs.rmSync(this.#folder, { recursive: true, force: true })
  }
}

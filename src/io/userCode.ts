import { AsyncLocalStorage } from 'node:async_hooks'
import { GrpoError } from '../errors.js'
import { quote } from './json.js'
import { thrownMessage } from './thrown.js'

/** Characters of an error's message that are told. */
const LONGEST_MESSAGE = 500

/** What runs now, and in all promises, timers and events that it starts. */
const current = new AsyncLocalStorage<string>()
/** Calls whose promises are not settled yet. */
const waitedFor = new Map<symbol, string>()
const watchers = new Set<(error: GrpoError) => void>()

/**
 * Runs code that is not this library's, by a name such as `the reward function 'length'`: an error that escapes it, from a
 * promise or a timer that nothing waits for, is told by that name ({@link watchEscapedErrors}).
 */
export function runUserCode<T>(name: string, body: () => T): T {
  const result = current.run(name, body)
  if (result instanceof Promise) {
    const call = Symbol(name)
    const settle = (): void => void waitedFor.delete(call)
    waitedFor.set(call, name)
    result.then(settle, settle)
  }
  return result
}

/** The name of the code of the user that runs now, or that started what runs now; undefined for all other code. */
export function runningUserCode(): string | undefined {
  return current.getStore()
}

/**
 * Calls `onError` for errors that nothing catches anywhere in the process, which would end it: a rejected promise that nothing
 * waits for, an error thrown by a timer or an event; also when the process has nothing left to do while user code is waited
 * for, whose promise then can never be settled. A program that listens to `unhandledRejection` or `uncaughtException` itself
 * keeps these events to itself. Watching changes the process only until the function that is returned is called.
 */
export function watchEscapedErrors(onError: (error: GrpoError) => void): () => void {
  const watcher = (error: GrpoError): void => {
    onError(error)
  }
  if (watchers.size === 0) {
    process.on('unhandledRejection', onRejection)
    process.on('uncaughtException', onException)
    process.on('beforeExit', onNothingLeft)
  }
  watchers.add(watcher)
  return () => {
    watchers.delete(watcher)
    if (watchers.size > 0) return
    process.off('unhandledRejection', onRejection)
    process.off('uncaughtException', onException)
    process.off('beforeExit', onNothingLeft)
  }
}

function onRejection(reason: unknown): void {
  if (process.listenerCount('unhandledRejection') > 1) return
  const of = current.getStore()
  const whose = of === undefined ? 'a promise' : `a promise that ${of} made`
  tell(
    `${whose} was rejected, and nothing waits for it: ${describe(reason)}. Await it, return it, or handle its error`,
    reason,
  )
}

function onException(error: unknown): void {
  if (process.listenerCount('uncaughtException') > 1) return
  const of = current.getStore()
  const whose = of === undefined ? 'a timer or an event' : `a timer or an event that ${of} started`
  tell(`${whose} threw an error that nothing catches: ${describe(error)}. Catch it there`, error)
}

function onNothingLeft(): void {
  const [name] = waitedFor.values()
  if (name === undefined) return
  waitedFor.clear()
  tell(
    `${name} returned a promise that can never be settled: nothing is left in this process that could do it. ` +
      'Resolve or reject it in every case',
    undefined,
  )
}

function tell(message: string, cause: unknown): void {
  const error = new GrpoError(message, { cause })
  for (const watcher of [...watchers]) watcher(error)
}

/** `RangeError: too long (file:///…/reward.mjs:3:9)` */
function describe(thrown: unknown): string {
  try {
    return describeError(thrown) ?? quote(thrown)
  } catch {
    return thrownMessage(thrown)
  }
}

/** Null for what is no error. Throws what looking at it throws. */
function describeError(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return null
  const frame = thrown.stack?.split('\n').find((line) => /^\s+at /.test(line) && !line.includes('node:'))
  const place = frame === undefined ? '' : ` (${frame.trim().replace(/^at (?:.*\()?(.*?)\)?$/, '$1')})`
  const { name, message } = thrown
  const shown = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message
  return `${name}: ${shown}${place}`
}

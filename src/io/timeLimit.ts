import vm from 'node:vm'

/** What {@link withTimeLimit} throws. */
class TimeLimitError extends Error {
  override name = 'TimeLimitError'
}

const script = new vm.Script('body()')
/** Made once: it takes a millisecond. */
let context: { body?: (() => unknown) | undefined } | undefined

/**
 * The result of a synchronous function that is stopped when it takes longer than `milliseconds`: for code of libraries that a
 * hostile file can send round for ever. It cannot stop what JavaScript does in one step, such as a search in a long text.
 */
export function withTimeLimit<T>(milliseconds: number, body: () => T): T {
  const scope = (context ??= vm.createContext({}) as NonNullable<typeof context>)
  const outer = scope.body
  scope.body = body
  try {
    return script.runInContext(scope, { timeout: Math.ceil(milliseconds) }) as T
  } catch (error) {
    if (!isTimeout(error)) throw error
    throw new TimeLimitError(`takes longer than ${Math.ceil(milliseconds / 1000)} s`, { cause: error })
  } finally {
    scope.body = outer
  }
}

/** The error comes from another realm, whose Error is another class. */
function isTimeout(error: unknown): boolean {
  const isObject = typeof error === 'object' && error !== null
  return isObject && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}

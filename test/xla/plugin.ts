import { openPjrt } from '../../src/xla/runtime/pjrt.js'
import type { Runner } from '../../src/xla/runtime/runner.js'

let opened: Promise<Runner> | null = null

/**
 * The plugin of XLA that tests run programs with: the shared library that GRPO_TS_XLA_PLUGIN names. Skips the running test with a line
 * that says why when there is none.
 */
export function requirePlugin(test: Mocha.Context): string {
  const file = process.env.GRPO_TS_XLA_PLUGIN
  if (file !== undefined) return file
  console.log('      skipped: GRPO_TS_XLA_PLUGIN does not name the shared library of a plugin of XLA')
  test.skip()
}

/** A runner on that plugin, which all tests of a file share. */
export function requireRunner(test: Mocha.Context): Promise<Runner> {
  const file = requirePlugin(test)
  return (opened ??= openPjrt({ file }))
}

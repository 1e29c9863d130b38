import { UnsupportedError } from '../../src/errors.js'
import { openPjrt } from '../../src/xla/runtime/pjrt.js'
import type { Runner } from '../../src/xla/runtime/runner.js'
import { findPlugin, missingPlugin } from '../../src/xla/setup/installed.js'

let opened: Promise<Runner> | null = null

/**
 * The plugin of XLA that tests run programs with: the shared library that GRPO_TS_XLA_PLUGIN names, or the installed one for CPUs.
 * Skips the running test with a line that says why when there is none, or none for this machine.
 */
export function requirePlugin(test: Mocha.Context): string {
  let reason = missingPlugin('cpu')
  try {
    const plugin = findPlugin('cpu')
    if (plugin) return plugin.file
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    reason = error.message
  }
  console.log(`      skipped: ${reason}`)
  test.skip()
}

/** A runner on that plugin, which all tests of a file share. */
export function requireRunner(test: Mocha.Context): Promise<Runner> {
  const file = requirePlugin(test)
  return (opened ??= openPjrt({ file }))
}

import { openPjrt } from '../../src/xla/runtime/pjrt.js'
import type { Runner } from '../../src/xla/runtime/runner.js'

/** The plugin of XLA that tests run programs with: what GRPO_TS_XLA_PLUGIN names. */
export const PLUGIN = process.env.GRPO_TS_XLA_PLUGIN

let opened: Promise<Runner> | null = null

/** A runner on that plugin, which is opened once; skips the running test with a line that says why when there is none. */
export async function requireRunner(test: Mocha.Context): Promise<Runner> {
  if (PLUGIN === undefined) {
    console.log('      skipped: GRPO_TS_XLA_PLUGIN does not name the shared library of a plugin of XLA')
    test.skip()
  }
  return (opened ??= openPjrt({ file: PLUGIN }))
}

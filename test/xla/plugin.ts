import { UnsupportedError } from '../../src/errors.js'
import { loadPjrtAddon } from '../../src/xla/runtime/addon.js'
import { openPjrt } from '../../src/xla/runtime/pjrt.js'
import type { Runner } from '../../src/xla/runtime/runner.js'
import { findPlugin, missingPlugin } from '../../src/xla/setup/installed.js'

const opened = new Map<Mocha.Suite, Promise<Runner>>()

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

/** A runner on that plugin, which the tests of a suite share; disposed when the suite ends. */
export function requireRunner(test: Mocha.Context): Promise<Runner> {
  const file = requirePlugin(test)
  const suite = test.runnable().parent!
  const runner = opened.get(suite) ?? openPjrt({ file })
  if (!opened.has(suite)) {
    opened.set(suite, runner)
    suite.afterAll(async () => {
      opened.delete(suite)
      ;(await runner).dispose()
    })
  }
  return runner
}

/** That plugin, when nobody else in the process has it open: files of tests share processes. Skips the running test otherwise. */
export async function requirePluginAlone(test: Mocha.Context): Promise<string> {
  const file = requirePlugin(test)
  const addon = loadPjrtAddon()
  try {
    addon.close((await addon.open(file, '', [])).handle)
    return file
  } catch (error) {
    if (!String(error).includes('a process opens it once')) throw error
    console.log(`      skipped: other tests of this process have ${file} open`)
    test.skip()
  }
}

import assert from 'node:assert/strict'
import type { ExportTarget } from '../../src/export/exportPlan.js'
import { planOf } from './exportFixture.js'

/** What a target refuses a run with. */
export async function refusalOf(
  target: ExportTarget,
  options: Readonly<Record<string, unknown>>,
  processes = 1,
): Promise<string> {
  const plan = await planOf(options, processes)
  try {
    target.files(plan)
  } catch (error) {
    assert.equal((error as Error).name, 'ConfigError')
    return (error as Error).message
  }
  return assert.fail('nothing was refused')
}

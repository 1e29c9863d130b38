import type { PreflightFile } from '../run/preflightFile.js'
import { table } from './table.js'

/** Shows what a preflight found, and what it advises. */
export function preflight({ checks }: Pick<PreflightFile, 'checks'>): void {
  table(checks.map(({ name, status, message, advice }) => ({ check: name, status, found: message, advice })))
}

import { plural } from '../report/page/format.js'
import type { ChecklistItem } from '../report/completionChecklist.js'
import { table } from './table.js'

/** Shows what was done and what was not, with what shows it: see `completionChecklist`. */
export function checklist(items: readonly ChecklistItem[]): void {
  table(
    items.map(({ item, done, evidence }) => ({ '': done ? '✓' : '✗', item, evidence })),
    { caption: `${items.filter(({ done }) => done).length} of ${plural(items.length, 'item')} done`, limit: 100 },
  )
}

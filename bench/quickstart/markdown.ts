import fs from 'node:fs'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import { percent } from '../../src/io/units.js'
import type { Estimate } from '../../src/run/evaluation.js'

/** A table: the first column holds words, the others numbers, which stand at the right. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [headings, headings.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map(line).join('\n')
}

/** `62.0 % (55.1-68.4)` */
export function share({ value, low, high }: Estimate): string {
  const bounds = low === null || high === null ? '' : ` (${points(low)}-${points(high)})`
  return `${percent(value, 1)}${bounds}`
}

/** `+4.0 (−1.5 to +9.2)`: percentage points */
export function difference({ value, low, high }: Estimate): string {
  return low === null || high === null ? signed(value) : `${signed(value)} (${signed(low)} to ${signed(high)})`
}

/**
 * Replaces what stands between `<!-- NAME: … -->` and `<!-- end -->` in a page; a section that it does not have is added, and a
 * page that is not there begins with `title`.
 */
export function fillPage(
  file: string,
  title: string,
  sections: readonly Section[],
  command = 'bench:quickstart',
): void {
  let page = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : `# ${title}\n`
  for (const { name, heading, body } of sections) {
    const start = `<!-- ${name}: measured by npm run ${command} -->`
    const between = new RegExp(`<!-- ${name}: [^>]*-->[^]*?<!-- end -->`)
    const filled = `${start}\n\n${body}\n\n<!-- end -->`
    page = between.test(page) ? page.replace(between, () => filled) : `${page}\n## ${heading}\n\n${filled}\n`
  }
  atomicWriteFile(file, page)
}

export interface Section {
  readonly name: string
  readonly heading: string
  readonly body: string
}

function points(value: number): string {
  return (100 * value).toFixed(1)
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${points(Math.abs(value))}`
}

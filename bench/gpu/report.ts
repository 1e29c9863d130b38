import { threeDigits } from '../../src/cli/terminal/table.js'
import type { EngineChoice } from '../engineChoice.js'
import type { BenchRecord } from '../report.js'
import type { SectionResult } from './section.js'

/** A part of the benchmark that did not run. */
interface Skipped {
  readonly name: string
  readonly status: 'skipped'
  readonly why: string
}

/** All that a run of the benchmark found. */
export interface GpuReport {
  readonly started: string
  readonly cpu: string
  readonly cores: number
  readonly node: string
  readonly choice: EngineChoice
  readonly sections: (SectionResult | Skipped)[]
}

/** The report as Markdown: what came of each part, tables of what was measured, and what the parts said. */
export function formatGpuReport({ started, cpu, cores, node, choice, sections }: GpuReport): string {
  const ran = sections.filter((section) => section.status !== 'skipped')
  const records = ran.flatMap((section) => section.records)
  const summary = sections.map((section) =>
    section.status === 'skipped'
      ? [section.name, 'skipped', '', section.why]
      : [section.name, section.status, section.seconds.toFixed(0), conclusion(section)],
  )
  return [
    `# bench:gpu of ${started.slice(0, 16).replace('T', ' ')}`,
    `${cpu}, ${cores} cores, Node ${node}; engine ${JSON.stringify(choice)}`,
    table(['part', 'result', 's', ''], summary),
    ...numbers('Agreement with the cpu engine', records, 'agreement', [
      'model',
      'precision',
      'log_prob_max',
      'log_prob_mean',
      'entropy_max',
      'gradient_relative',
      'gradient_norm_relative',
    ]),
    ...numbers('Generation', records, 'generation', [...common, 'generation_s', 'generation_tokens_per_s', ...memory]),
    ...numbers('Training', records, 'training', [...common, 'training_s', 'training_tokens_per_s', ...memory]),
    ...numbers('Steps of TRL', records, 'step', [
      ...common,
      'step_s',
      'generation_tokens_per_s',
      'training_tokens_per_s',
      ...memory,
    ]),
    ...ran.filter(({ output, errors }) => output + errors !== '').map(details),
  ].join('\n\n')
}

const common = ['model', 'engine', 'precision', 'completions', 'first_s']
const memory = ['peak_device_mib', 'peak_rss_mib', 'error']

/** The records of a benchmark as a table: the sides of a comparison one below the other. */
function numbers(
  heading: string,
  records: readonly BenchRecord[],
  benchmark: string,
  keys: readonly string[],
): string[] {
  const rows = records.filter((record) => record.benchmark === benchmark)
  if (rows.length === 0) return []
  rows.sort(
    (a, b) => String(a.model).localeCompare(String(b.model)) || Number(a.completions ?? 0) - Number(b.completions ?? 0),
  )
  const shown = keys.filter((key) => rows.some((row) => row[key] !== undefined && row[key] !== null))
  const headings = shown.map((key) => key.replaceAll('_', ' '))
  return [
    `## ${heading}`,
    table(
      headings,
      rows.map((row) => shown.map((key) => cell(row[key], key))),
    ),
  ]
}

function cell(value: BenchRecord[string] | undefined, key: string): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'number' && key !== 'completions' ? (threeDigits(value) ?? '') : String(value)
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll(/[|\n]+/g, ' ')).join(' | ')} |`
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n')
}

/** What a part said last, or how much it measured. */
function conclusion({ output, errors, records }: SectionResult): string {
  if (errors === '' && records.length > 0) return `${records.length} measurements`
  return (errors === '' ? output : errors).trim().split('\n').at(-1)!.slice(0, 200)
}

function details({ name, command, output, errors }: SectionResult): string {
  const said = [output, errors].filter((part) => part !== '').join('\n')
  return `## ${name}\n\n\`\`\`\n$ ${command.slice(0, 400)}\n${said}\n\`\`\``
}

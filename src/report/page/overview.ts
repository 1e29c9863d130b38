import type { Estimate } from '../../run/evaluation.js'
import type { ComparedQuantity } from '../reportData.js'
import { firstAndLast } from './charts/series.js'
import { byId, disclosure, element, table } from './dom.js'
import { formatPValue } from '../../eval/pValue.js'
import { formatNumber, formatPoints, formatSeconds, formatShare, formatSigned, plural } from './format.js'
import type { Run } from './run.js'
import { runFileNames } from '../../run/fileNames.js'

/** Options that say what a run is, in this order; the others stand behind a disclosure. */
const mainOptions = [
  'model',
  'dtype',
  'task',
  'data',
  'rewards',
  'num_generations',
  'per_device_train_batch_size',
  'gradient_accumulation_steps',
  'max_completion_length',
  'temperature',
  'learning_rate',
  'lr_scheduler_type',
  'loss_type',
  'beta',
  'epsilon',
  'lora_r',
  'lora_alpha',
  'lora_target_modules',
  'seed',
  'engine',
]

/** What was run, how far it is, and what came out. */
export function showOverview(run: Run): void {
  const show = (): void => {
    byId('overview-content').replaceChildren(facts(run), ...figures(run), ...beforeAndAfter(run), ...problemsOf(run))
  }
  run.onChange(show)
  show()
  byId('config-content').replaceChildren(...configTables(run.data.config))
}

function facts(run: Run): HTMLElement {
  const { config, imported } = run.data
  const last = run.metrics.at(-1)
  const seconds = run.series('step_time').values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
  const completions = run.steps.reduce((sum, { counts }) => sum + counts.reduce((all, [, count]) => all + count, 0), 0)
  const maxSteps = run.status?.maxSteps
  const items: (readonly [string, string])[] = [
    ...optionFact('Model', config?.model),
    ...(config?.dtype === 'auto' ? [] : optionFact('Weights', config?.dtype)),
    ...optionFact('Task', config?.task),
    ...(imported === null ? [] : [['Trained by', imported.engine] as const]),
    ...(last
      ? [
          [
            'Steps',
            `${last.step.toLocaleString('en')}${maxSteps ? ` of ${maxSteps.toLocaleString('en')}` : ''}`,
          ] as const,
        ]
      : []),
    ...(completions > 0 ? [['Completions', completions.toLocaleString('en')] as const] : []),
    ...(typeof last?.num_tokens === 'number' ? [['Tokens', last.num_tokens.toLocaleString('en')] as const] : []),
    ...(seconds > 0 ? [['Training time', formatSeconds(seconds)] as const] : []),
  ]
  if (items.length === 0) return element('p', { class: 'muted' }, 'Nothing has been recorded yet.')
  return element(
    'dl',
    { class: 'facts' },
    ...items.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
  )
}

function optionFact(name: string, value: unknown): (readonly [string, string])[] {
  if (typeof value !== 'string' || value === '') return []
  // Of a path its last part says enough.
  return [[name, value.split(/[/\\]/).findLast((part) => part !== '') ?? value]]
}

/** The numbers that most runs are about, first against last steps. */
function figures(run: Run): HTMLElement[] {
  const shown = [
    ['Mean reward', 'reward', formatNumber],
    ['Correct in training', correctnessMetric(run), formatShare],
    ['Mean length, tokens', 'completions/mean_length', formatNumber],
    ['Entropy, nats', 'entropy', formatNumber],
  ] as const
  const cards = shown.flatMap(([label, metric, format]) => {
    const ends = metric === null ? null : firstAndLast(run.series(metric))
    if (!ends) return []
    const stretch = ends.count === 1 ? 'first step → last step' : `first ${ends.count} → last ${ends.count} steps`
    return [
      element(
        'div',
        { class: 'figure card' },
        element('div', { class: 'figure-label' }, label),
        element(
          'div',
          { class: 'figure-value' },
          element('span', { class: 'muted' }, format(ends.first)),
          element('span', { class: 'muted', 'aria-label': 'to' }, ' → '),
          format(ends.last),
        ),
        element('div', { class: 'muted small' }, stretch),
      ),
    ]
  })
  return cards.length === 0 ? [] : [element('div', { class: 'figures' }, ...cards)]
}

/** The metric of the reward that is 1 for a right answer and 0 otherwise. */
function correctnessMetric(run: Run): string | null {
  return run.metricNames().find((name) => /^rewards\/(correctness|accuracy).*\/mean$/.test(name)) ?? null
}

function beforeAndAfter(run: Run): HTMLElement[] {
  const { evaluation } = run
  if (!evaluation) {
    return [
      element(
        'p',
        { class: 'muted' },
        'These numbers are of the problems that the run trains on. For held-out problems, with intervals and a paired test, ' +
          `evaluate base and adapter into the run’s ${runFileNames.evaluation}: `,
        element('code', {}, 'grpo-ts eval'),
        '.',
      ),
    ]
  }
  const { comparisons, description, baseName, trainedName } = evaluation
  return [
    element('h3', {}, 'Before and after, on held-out problems'),
    element('p', { class: 'muted' }, description),
    ...[...new Set(comparisons.map(({ decoding }) => decoding))].map((decoding) =>
      table(
        { greedy: 'Greedy: the likeliest token each time', sampled: 'Sampled' }[decoding],
        ['', baseName, ...(trainedName === null ? [] : [trainedName, 'Difference', 'p'])],
        comparisons
          .filter((row) => row.decoding === decoding)
          .map((row) => [
            row.label,
            withInterval(row.base, row),
            ...(trainedName === null
              ? []
              : [
                  withInterval(row.trained, row),
                  withInterval(row.difference, row, true),
                  row.pValue === null ? '–' : formatPValue(row.pValue),
                ]),
          ]),
        { stacked: true },
      ),
    ),
  ]
}

function withInterval(measured: Estimate | null, { unit }: ComparedQuantity, signed = false): string | Node {
  if (!measured) return '–'
  const { value, low, high } = measured
  const format = (number: number): string => {
    if (unit === 'share') return signed ? formatPoints(number) : formatShare(number)
    return signed ? formatSigned(number) : formatNumber(number)
  }
  if (low === null || high === null) return format(value)
  return element(
    'span',
    {},
    element('strong', {}, format(value)),
    element('span', { class: 'muted interval' }, ` ${format(low)} to ${format(high)}`),
  )
}

function problemsOf(run: Run): HTMLElement[] {
  const texts = [...run.data.problems, ...(run.data.imported?.notes ?? [])]
  if (run.groupsLeftOut > 0) {
    texts.push(
      `${plural(run.groupsLeftOut, 'group')} of completions are not in this page, which would become too large; the charts count them all.`,
    )
  }
  return texts.map((text) => element('p', { class: 'note note-info' }, text))
}

function configTables(config: Readonly<Record<string, unknown>> | null): HTMLElement[] {
  if (!config) return [element('p', { class: 'muted' }, `The run has no ${runFileNames.config}.`)]
  const rows = (names: readonly string[]): string[][] => names.map((name) => [name, describeOption(config[name])])
  const main = mainOptions.filter((name) => name in config)
  const others = Object.keys(config).filter((name) => !main.includes(name))
  if (main.length === 0) return [table('Options of the run', ['Option', 'Value'], rows(others))]
  return [
    table('Main options of the run', ['Option', 'Value'], rows(main)),
    ...(others.length === 0
      ? []
      : [
          disclosure(plural(others.length, 'other option'), () =>
            table('Other options of the run', ['Option', 'Value'], rows(others)),
          ),
        ]),
  ]
}

function describeOption(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (Array.isArray(value)) return value.map(describeOption).join(', ')
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return JSON.stringify(value)
}

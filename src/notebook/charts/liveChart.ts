import { contentBundle } from '../html.js'
import { openOutput } from '../output.js'
import type { Output } from '../output.js'
import { tableContent } from '../table.js'
import { makeFigure } from './figure.js'
import type { Figure, Layout, Trace } from './figure.js'
import { drawScript, figuresBundle, newChartId } from './plot.js'

/** One of the charts that are drawn beside each other. */
export interface LivePanel {
  /** Metrics with what they are called in the legend, such as `{ reward: 'mean reward' }`. */
  readonly series: Readonly<Record<string, string>>
  /** Titles and axes, as Plotly has them. */
  readonly layout?: Layout
}

/** What a live chart shows, and how often it is drawn. */
export interface LiveChartOptions {
  /** Metrics of the table below the charts, with the names of their columns. Defaults to all those of the charts. */
  columns?: Readonly<Record<string, string>>
  /** Latest rows in the table; 0 for none. Defaults to 5. */
  rows?: number
  /** Milliseconds between two updates. Defaults to 400. */
  everyMs?: number
}

/** Charts that grow while a run goes on. */
export interface LiveChart {
  /** Takes the metrics of a step and draws them, if it is time to. Metrics that are missing leave a gap. */
  add(step: number, metrics: Readonly<Record<string, number | undefined>>): void
  /**
   * Leaves charts and table in their final state, which a saved notebook keeps. Steps that are added later appear below the cell
   * that adds them, in charts that begin with the first step.
   */
  done(): void
}

/** What one looks at first: does the reward rise, do groups teach, does the model reason, does it still try anything? */
const usualPanels: readonly LivePanel[] = [
  {
    series: { reward: 'mean', 'reward/best': 'best of a group', 'reward/worst': 'worst of a group' },
    layout: { title: 'Reward' },
  },
  {
    series: { 'groups/all_right': 'all right', 'groups/all_wrong': 'all wrong' },
    layout: { title: 'Share of groups that teach nothing', yaxis: { range: [-0.02, 1.05] } },
  },
  {
    series: { 'reasoning/steps': 'steps', 'reasoning/self_corrections': 'self-corrections' },
    layout: { title: 'Reasoning in a completion' },
  },
  {
    series: { entropy: 'entropy in nats', 'reasoning/correct_calculations': 'calculations that come out' },
    layout: { title: 'Certainty and soundness' },
  },
]

/** Metrics of the table below the usual charts. */
const usualColumns: Readonly<Record<string, string>> = {
  reward: 'reward',
  reward_std: 'reward_std',
  frac_reward_zero_std: 'frac_reward_zero_std',
  'completions/mean_length': 'tokens',
  'reasoning/steps': 'steps of reasoning',
  entropy: 'entropy',
  grad_norm: 'grad_norm',
  step_time: 'step_time (s)',
}

/**
 * Charts and a table that grow while a training runs, in place. They appear below the cell that adds the first step; call
 * `done` when it has ended, best in a `finally`.
 * @param given what is drawn; by default the rewards, the groups that teach nothing, the reasoning and the entropy
 */
export function liveChart(given?: readonly LivePanel[], options: LiveChartOptions = {}): LiveChart {
  const panels = given ?? usualPanels
  const { rows = 5, everyMs = 400 } = options
  const columns = Object.entries(
    options.columns ??
      (given ? Object.fromEntries(given.flatMap(({ series }) => Object.entries(series))) : usualColumns),
  )
  const steps: number[] = []
  const metricsOfSteps: Readonly<Record<string, number | undefined>>[] = []
  /** Where the charts are now; null when they have to appear anew. */
  let shown: { charts: Output; feed: Output; ids: readonly string[] } | null = null
  let lastUpdate = 0

  const figures = (): Figure[] =>
    panels.map(({ series, layout }) => {
      const data = Object.entries(series).map(([metric, name]): Trace => {
        const y = metricsOfSteps.map((metrics) => finiteOrNull(metrics[metric]))
        return { name, x: steps, y, mode: steps.length < 40 ? 'lines+markers' : 'lines' }
      })
      return makeFigure(data, { height: 260, ...layout, xaxis: { title: 'step', ...layout?.xaxis } })
    })
  const latest = (): { html: string; text: string } => {
    const first = Math.max(0, steps.length - rows)
    const lines = steps.slice(first).map((step, i) => ({
      step,
      ...Object.fromEntries(columns.map(([metric, name]) => [name, metricsOfSteps[first + i]![metric]])),
    }))
    return rows === 0 ? { html: '', text: `step ${steps.at(-1) ?? 0}` } : tableContent(lines)
  }

  return {
    add(step, metrics) {
      steps.push(step)
      metricsOfSteps.push(metrics)
      if (shown && performance.now() - lastUpdate < everyMs) return
      lastUpdate = performance.now()
      if (!shown) {
        shown = { charts: openOutput(), feed: openOutput(), ids: panels.map(newChartId) }
        shown.charts.show(figuresBundle(figures(), shown.ids))
      }
      // The charts stay in the page and only get new data, from the output that holds the table: nothing flickers, and a zoom stays.
      const { html, text } = latest()
      shown.feed.show({ 'text/html': html + drawScript(figures(), shown.ids), 'text/plain': text })
    },
    done() {
      if (!shown) return
      shown.charts.show(figuresBundle(figures(), shown.ids))
      shown.feed.show(contentBundle(latest()))
      shown = null
    },
  }
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

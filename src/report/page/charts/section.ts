import { byId, choice, disclosure, element, table } from '../dom.js'
import { formatNumber } from '../format.js'
import type { Run } from '../run.js'
import { accuracyChart } from './accuracyChart.js'
import { lineChart, metricSeries } from './chart.js'
import type { Chart, Drawing } from './chart.js'
import { currentPalette } from './palette.js'
import type { Palette } from './palette.js'
import { drawChart } from './plotly.js'
import { rewardCharts } from './rewardCharts.js'
import { trainingCharts } from './trainingCharts.js'
import { runFileNames } from '../../../run/fileNames.js'

const [rewardChart, ...otherRewardCharts] = rewardCharts
const charts: readonly Chart[] = [rewardChart!, accuracyChart, ...otherRewardCharts, ...trainingCharts]

/** Rows of the table that stands for a chart. */
const TABLE_ROWS = 40

interface Figure {
  readonly chart: Chart
  readonly root: HTMLElement
  readonly plot: HTMLElement
  readonly summary: HTMLElement
  drawing: Drawing | null
}

/** The charts of the page, and a last one of any metric. Returns what draws them again in the colours of the theme. */
export function showCharts(run: Run): { redraw: () => void } {
  const section = byId('charts-content')
  const missing = element('p', { class: 'muted' })
  const grid = element('div', { class: 'charts' })
  section.replaceChildren(grid, missing)
  const figures = charts.map(makeFigure)
  const any = anyMetric(run, () => {
    draw([any.figure])
  })
  grid.append(...figures.map(({ root }) => root), any.figure.root)

  let queue = Promise.resolve()
  const draw = (some: readonly Figure[]): void => {
    const palette = currentPalette()
    for (const figure of some) {
      queue = queue.then(async () => {
        await update(figure, run, palette)
        // The page stays responsive while many charts are drawn.
        await new Promise((resolve) => setTimeout(resolve))
      })
    }
    queue = queue.then(() => {
      const absent = figures.filter(({ drawing }) => drawing === null)
      missing.hidden = absent.length === 0
      missing.textContent = `Not recorded in this run: ${absent.map(({ chart }) => `${chart.title} (${chart.missing})`).join('; ')}.`
    })
  }
  const redraw = (): void => {
    any.refresh()
    draw([...figures, any.figure])
  }
  run.onChange(redraw)
  redraw()
  return { redraw }
}

function makeFigure(chart: Chart): Figure {
  const plot = element('div', {
    class: 'plot',
    role: 'img',
    'aria-labelledby': `${chart.id}-title ${chart.id}-summary`,
  })
  const summary = element('p', { class: 'chart-summary', id: `${chart.id}-summary` })
  const figure: Figure = {
    chart,
    plot,
    summary,
    drawing: null,
    root: element(
      'figure',
      { class: 'chart card', id: `chart-${chart.id}` },
      element('h3', { id: `${chart.id}-title` }, chart.title),
      element('div', { class: 'muted explanation' }, chart.explanation),
      plot,
      summary,
    ),
  }
  figure.root.append(disclosure('Values as a table', () => valueTable(figure)))
  return figure
}

async function update(figure: Figure, run: Run, palette: Palette): Promise<void> {
  const { chart, root, plot, summary } = figure
  const drawing = chart.draw(run, palette)
  figure.drawing = drawing
  root.hidden = drawing === null
  if (!drawing) return
  summary.textContent = drawing.summary
  await drawChart(plot, drawing.traces, layout(chart, drawing, palette))
}

function layout(chart: Chart, drawing: Drawing, palette: Palette): Record<string, unknown> {
  const axis = { gridcolor: palette.grid, linecolor: palette.grid, zerolinecolor: palette.grid, automargin: true }
  const isTouch = matchMedia('(pointer: coarse)').matches
  const title = (text: string): unknown => ({ text, font: { size: 12, color: palette.muted }, standoff: 8 })
  return {
    height: 270,
    autosize: true,
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    margin: { l: 48, r: 12, t: 8, b: 36 },
    font: { family: 'system-ui, sans-serif', size: 12, color: palette.text },
    hovermode: 'x unified',
    hoverlabel: { bgcolor: palette.surface, bordercolor: palette.grid, font: { color: palette.text } },
    // On a touch screen a finger on a chart scrolls the page.
    dragmode: isTouch ? false : 'zoom',
    showlegend: drawing.traces.filter(({ showlegend }) => showlegend !== false).length > 1,
    legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', traceorder: 'normal', font: { size: 11 } },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: palette.muted, activecolor: palette.text },
    xaxis: { ...axis, title: title('step'), zeroline: false },
    yaxis: {
      ...axis,
      title: title(chart.unit),
      ...(drawing.tickFormat !== undefined && { tickformat: drawing.tickFormat }),
      ...rangeOf(drawing),
    },
  }
}

/**
 * The range of the vertical axis where it is not for Plotly to choose: around values that are all equal it would reach from
 * -100 % to 100 %.
 */
function rangeOf({ range, columns, lowest }: Drawing): { range?: readonly [number, number] } {
  if (range) return { range }
  const values = new Set(columns.flatMap((column) => column.values).filter((value) => value !== null))
  const [only] = values
  if (values.size !== 1 || only === undefined || lowest === undefined) return {}
  return { range: only === lowest ? [lowest, lowest + 1] : [Math.min(lowest, only), lowest + 1.2 * (only - lowest)] }
}

/** The values of a chart, at most 40 steps of them. */
function valueTable({ chart, drawing }: Figure): HTMLElement {
  if (!drawing) return element('p', {}, 'Nothing to show.')
  const steps = [...new Set(drawing.columns.flatMap((column) => column.steps))].sort((a, b) => a - b)
  const every = Math.ceil(steps.length / TABLE_ROWS)
  const shown = steps.filter((_, i) => i % every === 0 || i === steps.length - 1)
  const values = drawing.columns.map((column) => new Map(column.steps.map((step, i) => [step, column.values[i]])))
  return table(
    `${chart.title}, in ${chart.unit}${every > 1 ? `, every ${every} steps` : ''}`,
    ['Step', ...drawing.columns.map(({ label }) => label)],
    shown.map((step) => [String(step), ...values.map((column) => formatNumber(column.get(step)))]),
  )
}

/** A chart of whatever metric the reader picks. */
function anyMetric(run: Run, onPick: () => void): { figure: Figure; refresh: () => void } {
  let picked = 'reward'
  const figure = makeFigure(
    lineChart(
      {
        id: 'any-metric',
        title: 'Any metric',
        unit: 'value',
        explanation: `Every number that ${runFileNames.metrics} holds, by its name there.`,
        missing: 'no step has ended',
      },
      (current) => metricSeries(current, [[picked, picked]]),
    ),
  )
  const { field, select } = choice('Metric', [], (name) => {
    picked = name
    onPick()
  })
  figure.root.querySelector('.explanation')?.append(field)
  let known = ''
  return {
    figure,
    refresh: () => {
      const names = run.metricNames().toSorted()
      if (names.join('\n') === known) return
      known = names.join('\n')
      if (!names.includes(picked)) picked = names[0] ?? picked
      select.replaceChildren(
        ...names.map((name) => element('option', { value: name, selected: name === picked }, name)),
      )
    },
  }
}

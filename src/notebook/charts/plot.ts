import { randomBytes } from 'node:crypto'
import { scriptJson } from '../../report/html.js'
import { escapeHtml } from '../../io/escapeHtml.js'
import { showBundle } from '../output.js'
import type { MimeBundle } from '../output.js'
import { scriptsIfMissing } from './chartScripts.js'
import { makeFigure, titleText } from './figure.js'
import type { Figure, Layout, Trace } from './figure.js'
import { drawPicture } from './picture.js'

/**
 * Shows a chart: Plotly's, with zoom and hover, where scripts run, and a picture of it elsewhere (a notebook that is not trusted,
 * a page without scripts). Traces and layout are Plotly's; of its trace types `scatter` and `bar` are there.
 */
export function plot(data: readonly Trace[], layout: Layout = {}): void {
  plots([{ data, layout }])
}

/** Shows several charts, beside each other where the page is wide enough. */
export function plots(figures: readonly { readonly data: readonly Trace[]; readonly layout?: Layout }[]): void {
  showBundle(figuresBundle(figures.map(({ data, layout }) => makeFigure(data, layout))))
}

/** Shows how often values occur, as bars. */
export function histogram(values: Readonly<Record<string, readonly number[]>>, layout: Layout = {}): void {
  plots([countValues(values, layout)])
}

/** A chart, for {@link plots}, of how often values occur: whole numbers each for itself, others in up to 20 intervals. */
export function countValues(
  values: Readonly<Record<string, readonly number[]>>,
  layout: Layout = {},
): { readonly data: readonly Trace[]; readonly layout: Layout } {
  const all = Object.values(values).flat()
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const isCounted = all.every(Number.isInteger) && high - low < 40
  const width = isCounted ? 1 : niceWidth((high - low) / 20 || 1)
  const first = isCounted ? low : Math.floor(low / width) * width
  const bins = all.length === 0 ? 0 : Math.floor((high - first) / width + 1e-9) + 1
  const data = Object.entries(values).map(([name, sample]): Trace => {
    const counts = new Array<number>(bins).fill(0)
    for (const value of sample) counts[Math.floor((value - first) / width + 1e-9)]!++
    return { type: 'bar', name, x: counts.map((_, i) => first + (i + (isCounted ? 0 : 0.5)) * width), y: counts }
  })
  const xaxis = { ...(isCounted && bins <= 10 && { dtick: 1 }), ...layout.xaxis }
  return {
    data,
    layout: { bargap: isCounted ? 0.2 : 0.02, ...layout, xaxis, yaxis: { title: 'count', ...layout.yaxis } },
  }
}

/** A round number that is not below another one. */
function niceWidth(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width))
  return power * ([1, 2, 5].find((factor) => factor * power >= width * 0.999) ?? 10)
}

/** The charts as an output. */
export function figuresBundle(
  figures: readonly Figure[],
  ids: readonly string[] = figures.map(newChartId),
): MimeBundle {
  const width = figures.length > 1 ? 450 : 640
  const charts = figures.map((figure, i) => `<div id="${ids[i]!}" style="min-width:0">${picture(figure, width)}</div>`)
  const columns = figures.length > 1 ? 'repeat(auto-fit,minmax(min(100%,380px),1fr))' : 'minmax(0,1fr)'
  const only = figures.length === 1 ? figures[0] : undefined
  return {
    // For front ends with a renderer of their own; it holds one chart.
    ...(only ? { 'application/vnd.plotly.v1+json': only } : {}),
    'text/html':
      `${scriptsIfMissing()}<div style="display:grid;gap:.5em 1em;grid-template-columns:${columns}">${charts.join('')}</div>` +
      drawScript(figures, ids),
    'text/plain': figures.map(describe).join('\n'),
  }
}

/** Draws charts, or draws them anew, in the elements with these ids. */
export function drawScript(figures: readonly Figure[], ids: readonly string[]): string {
  const requests = figures.map((figure, i) => `q.push(${scriptJson({ id: ids[i], figure })})`)
  return `<script>(function(){var q=window.grpoTsCharts=window.grpoTsCharts||[];${requests.join(';')}})()</script>`
}

export function newChartId(): string {
  return `chart-${randomBytes(6).toString('hex')}`
}

function picture(figure: Figure, width: number): string {
  const source = Buffer.from(drawPicture(figure, width)).toString('base64')
  return `<img alt="${escapeHtml(describe(figure))}" style="max-width:100%" src="data:image/svg+xml;base64,${source}">`
}

/** `Reward: mean 0.41 to 0.95 (100 points)` */
function describe({ data, layout }: Figure): string {
  const short = (value: number | null | undefined): string =>
    value === null || value === undefined ? 'none' : String(Number(value.toPrecision(3)))
  const traces = data.map(
    ({ name, y }) => `${name ?? 'values'} ${short(y[0])} to ${short(y.at(-1))} (${y.length} points)`,
  )
  return [titleText(layout.title), traces.join(', ')].filter(Boolean).join(': ')
}

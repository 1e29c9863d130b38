import { escapeHtml } from '../../io/escapeHtml.js'
import { titleText, traceColor } from './figure.js'
import type { Figure, Trace } from './figure.js'

/** More points than a picture has pixels only make it large. */
const MOST_POINTS = 600
const TEXT = '#7c828a'
/** Of a letter, on average: the picture cannot measure its texts. */
const CHARACTER_WIDTH = 6.5
const LEGEND_LINE = 18
const MARGIN = { left: 52, right: 14, top: 28, bottom: 40 }

interface Point {
  /** Place on the horizontal axis. */
  readonly x: number
  readonly y: number
  /** Ends of the error bar. */
  readonly low: number
  readonly high: number
}

/**
 * A chart as a picture, for where no script runs: lines, markers and bars with their errors, axes, title, legend. Grey and
 * middle colours on no ground, for light and dark pages alike.
 * @returns SVG
 */
export function drawPicture({ data, layout }: Figure, width = 640): string {
  const height = layout.height ?? 300
  const legend = data.length < 2 ? { lines: 0, svg: '' } : drawLegend(data, width)
  const top = MARGIN.top + legend.lines * LEGEND_LINE
  const categories = categoriesOf(data)
  const traces = data.map((trace) => pointsOf(trace, categories))
  const all = traces.flat()
  const bars = data.filter(({ type }) => type === 'bar').length
  const edge = bars > 0 ? 0.5 : 0
  const [x0, x1] = layout.xaxis?.range ?? extent([...all.map(({ x }) => x - edge), ...all.map(({ x }) => x + edge)])
  const heights = [...(bars > 0 ? [0] : []), ...all.flatMap(({ low, high }) => [low, high])]
  const [y0, y1] = layout.yaxis?.range ?? padded(extent(heights), bars > 0)
  const toX = (x: number): number => MARGIN.left + ((width - MARGIN.left - MARGIN.right) * (x - x0)) / (x1 - x0 || 1)
  const places = categories
    ? categories.map((name, x) => [x, name] as const)
    : ticks(x0, x1).map((x) => [x, formatTick(x)] as const)
  // Names that are wider than their places are written obliquely, as Plotly does.
  const longest = Math.max(0, ...places.map(([, name]) => name.length))
  const isOblique = categories !== null && longest * CHARACTER_WIDTH > toX(x0 + 1) - toX(x0)
  const bottom = MARGIN.bottom + (isOblique ? Math.min(height / 3, longest * CHARACTER_WIDTH * 0.5) : 0)
  const toY = (y: number): number => height - bottom - ((height - top - bottom) * (y - y0)) / (y1 - y0 || 1)

  const text = (x: number, y: number, content: string, options = ''): string =>
    `<text x="${round(x)}" y="${round(y)}" fill="${TEXT}" ${options}>${escapeHtml(content)}</text>`
  const grid = ticks(y0, y1).map(
    (y) =>
      `<path d="M${MARGIN.left} ${round(toY(y))}H${width - MARGIN.right}" stroke="${TEXT}" stroke-opacity=".3"/>` +
      text(MARGIN.left - 6, toY(y) + 4, formatTick(y), 'text-anchor="end"'),
  )
  const labels = places.map(([x, name]) => {
    const [left, base] = [toX(x), height - bottom + 16]
    if (!isOblique) return text(left, base, name, 'text-anchor="middle"')
    return text(left, base, name, `text-anchor="end" transform="rotate(-30 ${round(left)} ${round(base)})"`)
  })

  let bar = -1
  const shapes = data.map((trace, i) => {
    const color = escapeHtml(traceColor(trace))
    const points = traces[i]!
    if (trace.type !== 'bar')
      return drawLine(trace, points, color, toX, toY) + drawErrors(trace, points, color, toX, toY)
    bar++
    const share = 0.8 / bars
    const left = (x: number): number => x - 0.4 + bar * share
    const boxes = points.map(({ x, y }) => {
      const [from, to] = [toX(left(x)), toX(left(x) + share * 0.95)]
      const [high, low] = [Math.min(toY(y), toY(Math.max(0, y0))), Math.max(toY(y), toY(Math.max(0, y0)))]
      return `<rect x="${round(from)}" y="${round(high)}" width="${round(to - from)}" height="${round(low - high)}" fill="${color}"/>`
    })
    const middles = points.map((point) => ({ ...point, x: left(point.x) + share / 2 }))
    return boxes.join('') + drawErrors(trace, middles, TEXT, toX, toY)
  })

  const heading = titleText(layout.title)
  const [xTitle, yTitle] = [titleText(layout.xaxis?.title), titleText(layout.yaxis?.title)]
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">` +
    `<title>${escapeHtml(heading || 'chart')}</title>` +
    text(6, 18, heading, 'font-size="14"') +
    legend.svg +
    [...grid, ...labels, ...shapes].join('') +
    text((MARGIN.left + width) / 2, height - 6, xTitle, 'text-anchor="middle"') +
    text(
      0,
      0,
      yTitle,
      `text-anchor="middle" transform="translate(12 ${round((top + height - bottom) / 2)}) rotate(-90)"`,
    ) +
    '</svg>'
  )
}

/** The texts on the horizontal axis, when there are any. */
function categoriesOf(data: readonly Trace[]): readonly string[] | null {
  const places = data.flatMap(({ x = [] }) => x)
  return places.some((place) => typeof place === 'string') ? [...new Set(places.map(String))] : null
}

function pointsOf({ x, y, error_y }: Trace, categories: readonly string[] | null): Point[] {
  return y.flatMap((value, i) => {
    const given = x?.[i] ?? i
    const place = categories ? categories.indexOf(String(given)) : Number(given)
    if (value === null || !Number.isFinite(value) || !Number.isFinite(place)) return []
    const above = error_y?.array[i] ?? 0
    const below = error_y?.arrayminus?.[i] ?? above
    return [{ x: place, y: value, low: value - below, high: value + above }]
  })
}

type Scale = (value: number) => number

function drawLine(
  { mode = 'lines', line = {} }: Trace,
  points: readonly Point[],
  color: string,
  toX: Scale,
  toY: Scale,
): string {
  const every = Math.ceil(points.length / MOST_POINTS)
  const shown = points.filter((_, i) => i % every === 0 || i === points.length - 1)
  const corners = shown.map(({ x, y }) => `${round(toX(x))},${round(toY(y))}`)
  const { width = 2, dash = 'solid' } = line
  const dashes = dash === 'solid' ? '' : ` stroke-dasharray="${dash === 'dot' ? '2 3' : '6 4'}"`
  const stroke = `<polyline fill="none" stroke="${color}" stroke-width="${width}"${dashes} points="${corners.join(' ')}"/>`
  const dots = shown.map(({ x, y }) => `<circle cx="${round(toX(x))}" cy="${round(toY(y))}" r="3" fill="${color}"/>`)
  return `${mode.includes('lines') ? stroke : ''}${mode.includes('markers') ? dots.join('') : ''}`
}

function drawErrors({ error_y }: Trace, points: readonly Point[], color: string, toX: Scale, toY: Scale): string {
  if (!error_y) return ''
  const bars = points.map(({ x, low, high }) => {
    const [left, right] = [round(toX(x) - 4), round(toX(x) + 4)]
    const [bottom, top] = [round(toY(low)), round(toY(high))]
    return `M${round(toX(x))} ${bottom}V${top}M${left} ${bottom}H${right}M${left} ${top}H${right}`
  })
  return `<path d="${bars.join('')}" stroke="${color}" stroke-width="1.5" fill="none"/>`
}

/** The names of the traces in their colours, in as many lines as they take. */
function drawLegend(data: readonly Trace[], width: number): { readonly lines: number; readonly svg: string } {
  let [x, line] = [MARGIN.left, 1]
  const entries = data
    .filter(({ showlegend }) => showlegend !== false)
    .map((trace) => {
      const { name = '' } = trace
      const space = (name.length + 2) * (CHARACTER_WIDTH + 1) + 12
      if (x > MARGIN.left && x + space > width) [x, line] = [MARGIN.left, line + 1]
      const entry = `<text x="${round(x)}" y="${18 + line * LEGEND_LINE}" fill="${escapeHtml(traceColor(trace))}">■ ${escapeHtml(name)}</text>`
      x += space
      return entry
    })
  return entries.length === 0 ? { lines: 0, svg: '' } : { lines: line, svg: entries.join('') }
}

function extent(values: readonly number[]): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return low <= high ? [low, high] : [0, 1]
}

/** With some space around the values; bars stand on their ground. */
function padded([low, high]: readonly [number, number], isBar: boolean): readonly [number, number] {
  const space = (high - low || Math.abs(high) || 1) * 0.05
  return [isBar && low === 0 ? 0 : low - space, high + space]
}

/** Four to seven round numbers. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5
  if (!(rough > 0)) return [low]
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step)
}

function formatTick(value: number): string {
  return String(Number(value.toPrecision(6)))
}

function round(value: number): string {
  return String(Number(value.toFixed(1)))
}

/** A curve or a set of bars, with Plotly's options; those that are named here are also in the static picture. */
export interface Trace {
  /** Defaults to `scatter`. */
  readonly type?: 'scatter' | 'bar'
  /** Of a scatter: defaults to `lines`. */
  readonly mode?: 'lines' | 'markers' | 'lines+markers'
  /** In the legend, which shows when there are several traces. */
  readonly name?: string
  /** Defaults to 0, 1, 2, … Texts are categories. */
  readonly x?: readonly (number | string)[]
  /** What is not a finite number leaves a gap. */
  readonly y: readonly (number | null)[]
  /** Lengths of error bars above and below (`array` for both when there is no `arrayminus`). */
  readonly error_y?: {
    readonly array: readonly number[]
    readonly arrayminus?: readonly number[]
    readonly [option: string]: unknown
  }
  /** Of a scatter; the colour defaults to the next of those for traces, the width to 2. */
  readonly line?: { readonly color?: string; readonly width?: number; readonly dash?: string; readonly [option: string]: unknown } // prettier-ignore
  /** Of bars and points. */
  readonly marker?: { readonly color?: string; readonly [option: string]: unknown }
  /** Whether it is in the legend. Defaults to true. */
  readonly showlegend?: boolean
  readonly [option: string]: unknown
}

type Title = string | { readonly text: string; readonly [option: string]: unknown }

interface Axis {
  readonly title?: Title
  readonly range?: readonly [number, number]
  readonly [option: string]: unknown
}

/** Plotly's layout; a title may be a plain text. */
export interface Layout {
  /** What stands above the chart. */
  readonly title?: Title
  /** The horizontal axis. */
  readonly xaxis?: Axis
  /** The vertical axis. */
  readonly yaxis?: Axis
  /** Pixels. Defaults to 300. */
  readonly height?: number
  readonly [option: string]: unknown
}

/** A chart as Plotly takes it. */
export interface Figure {
  readonly data: readonly Trace[]
  readonly layout: Layout
}

/** Colours of the traces in their order, for light and dark pages alike. */
export const seriesColors = ['#2f7de1', '#e0701a', '#1b9e77', '#a855c8', '#a88600', '#d8437f'] as const

const DEFAULT_HEIGHT = 300
const GRID = 'rgba(128, 128, 128, 0.25)'

/** A title as text; empty for none. */
export function titleText(title: Title | undefined): string {
  return typeof title === 'string' ? title : (title?.text ?? '')
}

/** Completes a chart: colours, margins, a legend where it is needed. The page adds the colours of the theme. */
export function makeFigure(data: readonly Trace[], layout: Layout = {}): Figure {
  const hasLegend = data.length > 1
  const axis = (given: Axis = {}): Axis => ({
    gridcolor: GRID,
    zerolinecolor: GRID,
    linecolor: GRID,
    automargin: true,
    ...given,
    title: { text: titleText(given.title), standoff: 8 },
  })
  return {
    data: data.map((trace, i) => ({ ...withColor(trace, seriesColors[i % seriesColors.length]!) })),
    layout: {
      height: DEFAULT_HEIGHT,
      showlegend: hasLegend,
      bargap: 0.25,
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      hovermode: 'x',
      margin: { l: 48, r: 12, t: (titleText(layout.title) ? 36 : 12) + (hasLegend ? 22 : 0), b: 40 },
      legend: { orientation: 'h', x: 0, y: 1.01, yanchor: 'bottom', bgcolor: 'rgba(0,0,0,0)' },
      ...layout,
      title: { x: 0.01, xanchor: 'left', y: 0.98, yanchor: 'top', font: { size: 14 }, text: titleText(layout.title) },
      xaxis: axis(layout.xaxis),
      yaxis: axis(layout.yaxis),
    },
  }
}

/** The colour of a trace of a completed chart. */
export function traceColor({ type, line, marker }: Trace): string {
  return (type === 'bar' ? marker?.color : line?.color) ?? seriesColors[0]
}

function withColor(trace: Trace, color: string): Trace {
  if (trace.type === 'bar') {
    return { ...trace, marker: { color, ...trace.marker } }
  }
  return {
    type: 'scatter',
    mode: 'lines',
    ...trace,
    line: { color, width: 2, ...trace.line },
    marker: { color, size: 6, ...trace.marker },
  }
}

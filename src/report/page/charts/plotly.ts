/** The part of plotly.js (basic bundle, a global of the page) that the charts use. */

export interface Trace {
  readonly x: readonly number[]
  readonly y: readonly (number | null)[]
  readonly name: string
  readonly type: 'scatter'
  readonly mode: 'lines' | 'markers' | 'lines+markers' | 'none'
  readonly line?: { readonly color: string; readonly width: number; readonly dash?: 'dot' | 'dash' }
  readonly marker?: { readonly color: string; readonly size: number }
  readonly error_y?: {
    readonly type: 'data'
    readonly symmetric: false
    readonly array: readonly number[]
    readonly arrayminus: readonly number[]
    readonly color: string
  }
  readonly opacity?: number
  readonly fill?: 'none' | 'tonexty'
  readonly fillcolor?: string
  readonly stackgroup?: string
  readonly showlegend?: boolean
  readonly hoverinfo?: 'skip'
  readonly hovertemplate?: string
  readonly connectgaps?: boolean
}

interface Plotly {
  react(
    target: HTMLElement,
    traces: readonly Trace[],
    layout: Readonly<Record<string, unknown>>,
    config: Readonly<Record<string, unknown>>,
  ): Promise<unknown>
}

declare global {
  // The name that plotly.js itself takes.
  var Plotly: Plotly
}

export function drawChart(
  target: HTMLElement,
  traces: readonly Trace[],
  layout: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  return globalThis.Plotly.react(target, traces, layout, {
    responsive: true,
    displaylogo: false,
    scrollZoom: false,
    // The page talks to nobody; the bar covers the legend of a small chart, so it only shows beside a pointer.
    modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d', 'sendChartToCloud'],
    displayModeBar: matchMedia('(hover: none)').matches ? false : 'hover',
  })
}

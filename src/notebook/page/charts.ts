/**
 * What draws the charts of a notebook in the page. An output only puts its chart into `window.grpoTsCharts`, whether this program
 * is there already or comes later; this replaces the array by one that draws.
 */

interface ChartRequest {
  /** Of the element that the chart replaces the content of. */
  readonly id: string
  readonly figure: { readonly data: readonly unknown[]; readonly layout: Readonly<Record<string, unknown>> }
}

interface PlotlyGlobal {
  react(element: HTMLElement, data: readonly unknown[], layout: object, config: object): Promise<unknown>
  relayout(element: HTMLElement, layout: object): Promise<unknown>
}

declare global {
  interface Window {
    grpoTsCharts?: { push(request: ChartRequest): unknown }
    grpoTsPlotly?: PlotlyGlobal
  }
}

const config = {
  responsive: true,
  displaylogo: false,
  displayModeBar: 'hover',
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
}

/** The element of an output may come into the page a little after its script has run. */
const TRIES = 50
const BETWEEN_TRIES_MS = 100

const drawn = new Set<HTMLElement>()

function draw(request: ChartRequest, tries = TRIES): void {
  const element = document.getElementById(request.id)
  if (!element) {
    if (tries > 0) setTimeout(draw, BETWEEN_TRIES_MS, request, tries - 1)
    return
  }
  if (!drawn.has(element)) {
    element.replaceChildren() // the static picture
    drawn.add(element)
  }
  const { data, layout } = request.figure
  void window.grpoTsPlotly?.react(element, data, { ...layout, ...themeLayout(element) }, config)
}

/** The colours of the page, which Plotly does not take over by itself. */
function themeLayout(element: HTMLElement): Record<string, unknown> {
  const { color, fontFamily } = getComputedStyle(element)
  return {
    font: { color, size: 12, family: fontFamily },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: 'rgba(128,128,128,0.7)', activecolor: color },
  }
}

/** After a change of the theme. */
function recolor(): void {
  for (const element of drawn) {
    if (element.isConnected) {
      const { font, modebar } = themeLayout(element)
      void window.grpoTsPlotly?.relayout(element, { font, modebar })
    } else drawn.delete(element)
  }
}

function start(): void {
  if (window.grpoTsCharts && !Array.isArray(window.grpoTsCharts)) return // a second copy of this program
  const waiting = (window.grpoTsCharts as ChartRequest[] | undefined) ?? []
  window.grpoTsCharts = { push: draw }
  for (const request of waiting) draw(request)
  // JupyterLab marks its theme on the body, other pages mostly on the root element.
  const observer = new MutationObserver(() => setTimeout(recolor, 50))
  for (const element of [document.body, document.documentElement]) {
    observer.observe(element, {
      attributes: true,
      attributeFilter: ['class', 'data-theme', 'data-jp-theme-light', 'data-jp-theme-name'],
    })
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolor)
}

start()

export {}

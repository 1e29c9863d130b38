const WIDTH = 720
const HEIGHT = 280
const LEFT = 48
const RIGHT = 16
const TOP = 28
const BOTTOM = 36
/** Told apart also by who sees colours differently, on a white page and on a dark one (Okabe and Ito). */
const COLOURS = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00']
/** Readable on white and on black. */
const GREY = '#808080'

/** A line of the chart: a share for each step, from step 1 on. */
export interface Curve {
  readonly name: string
  readonly values: readonly number[]
}

/** Shares by training step as an SVG picture: axes with numbers, a line for each curve, and their names. */
export function drawCurves(title: string, curves: readonly Curve[]): string {
  const steps = Math.max(2, ...curves.map(({ values }) => values.length))
  const x = (step: number): number => LEFT + ((step - 1) / (steps - 1)) * (WIDTH - LEFT - RIGHT)
  const y = (share: number): number => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
  const text = (left: number, top: number, anchor: string, content: string, fill = GREY): string =>
    `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${escapeXml(content)}</text>`
  const shares = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share)}" y2="${y(share)}" stroke="${GREY}" stroke-opacity="0.3"/>`,
    text(LEFT - 6, y(share) + 4, 'end', `${100 * share} %`),
  ])
  const interval = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((size) => steps / size <= 12) ?? 1000
  const ticks = Array.from({ length: Math.floor(steps / interval) }, (_, i) => (i + 1) * interval).map((step) =>
    text(x(step), HEIGHT - BOTTOM + 16, 'middle', String(step)),
  )
  const lines = curves.flatMap(({ name, values }, i) => {
    const colour = COLOURS[i % COLOURS.length]!
    const points = values.map((share, step) => `${x(step + 1).toFixed(1)},${y(share).toFixed(1)}`).join(' ')
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="1.8" points="${points}"/>`,
      text(WIDTH - RIGHT, HEIGHT - BOTTOM - 8 - 15 * (curves.length - 1 - i), 'end', name, colour),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    text(LEFT, 16, 'start', title),
    ...shares,
    ...ticks,
    text(WIDTH - RIGHT, HEIGHT - 6, 'end', 'step'),
    ...lines,
    '</svg>\n',
  ].join('\n')
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[letter]!)
}

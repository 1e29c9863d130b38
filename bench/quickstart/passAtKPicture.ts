import { passAtKs } from '../../src/eval/statistics/passAtK.js'
import type { Estimate } from '../../src/run/evaluation.js'
import { passAtKEstimate } from './answerCounts.js'
import type { SetCounts } from './results.js'

const PANEL_WIDTH = 360
const PANEL_HEIGHT = 230
const LEFT = 46
const RIGHT = 14
const TOP = 30
const BOTTOM = 40
const LEGEND = 26

/** Told apart also by who sees colours differently (Okabe and Ito), lighter on a dark page. */
const STYLE = `
  text { fill: #333; } .axis { stroke: #808080; stroke-opacity: 0.35; }
  .base { --line: #B35900; } .trained { --line: #0072B2; }
  polyline, .level { fill: none; stroke: var(--line); stroke-width: 1.8; } .level { stroke-dasharray: 3 4; stroke-width: 1.2; }
  polygon { fill: var(--line); fill-opacity: 0.16; } circle, text.base, text.trained { fill: var(--line); }
  @media (prefers-color-scheme: dark) { text { fill: #ddd; } .base { --line: #F0A040; } .trained { --line: #56B4E9; } }`

/**
 * pass@k by k as an SVG picture that suits light and dark pages: a panel for each set, a line with its interval for base and trained,
 * and dashed the trained model's pass@1, to be compared with where the base's line ends.
 */
export function drawPassAtK(sets: readonly SetCounts[]): string {
  const columns = Math.min(2, sets.length)
  const [width, height] = [columns * PANEL_WIDTH, LEGEND + Math.ceil(sets.length / columns) * PANEL_HEIGHT]
  const panels = sets.map((set, i) => {
    const [x, y] = [(i % columns) * PANEL_WIDTH, LEGEND + Math.floor(i / columns) * PANEL_HEIGHT]
    return `<g transform="translate(${x} ${y})">\n${drawPanel(set)}\n</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>pass@k of the base and of the trained model</title>`,
    `<style>${STYLE}\n</style>`,
    '<text class="base" x="46" y="17">base</text>',
    '<text class="trained" x="86" y="17">after GRPO (dashed: its pass@1)</text>',
    ...panels,
    '</svg>\n',
  ].join('\n')
}

function drawPanel({ description, base, trained }: SetCounts): string {
  const ks = passAtKs(base.samples)
  const x = (k: number): string =>
    (LEFT + (Math.log2(k) / Math.max(1, Math.log2(base.samples))) * (PANEL_WIDTH - LEFT - RIGHT)).toFixed(1)
  const y = (share: number): string => (PANEL_HEIGHT - BOTTOM - share * (PANEL_HEIGHT - TOP - BOTTOM)).toFixed(1)
  const curve = (name: string, estimates: readonly Estimate[]): string[] => {
    const point = (share: number, i: number): string => `${x(ks[i]!)},${y(share)}`
    const upper = estimates.map(({ high, value }, i) => point(high ?? value, i))
    const lower = estimates.map(({ low, value }, i) => point(low ?? value, i)).reverse()
    const line = estimates.map(({ value }, i) => point(value, i))
    const dots = estimates.map(({ value }, i) => `<circle r="2.4" cx="${x(ks[i]!)}" cy="${y(value)}"/>`)
    return [
      `<g class="${name}"><polygon points="${[...upper, ...lower].join(' ')}"/><polyline points="${line.join(' ')}"/>${dots.join('')}</g>`,
    ]
  }
  const [before, after] = [base, trained].map((counts) => ks.map((k) => passAtKEstimate([counts], k)))
  const level = y(after![0]!.value)
  return [
    `<text x="${LEFT}" y="18" font-weight="bold">${escapeXml(description)}</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      `<line class="axis" x1="${LEFT}" x2="${PANEL_WIDTH - RIGHT}" y1="${y(share)}" y2="${y(share)}"/>`,
      `<text x="${LEFT - 6}" y="${Number(y(share)) + 4}" text-anchor="end">${100 * share} %</text>`,
    ]),
    ...ks.map((k) => `<text x="${x(k)}" y="${PANEL_HEIGHT - BOTTOM + 17}" text-anchor="middle">${k}</text>`),
    `<text x="${PANEL_WIDTH - RIGHT}" y="${PANEL_HEIGHT - 6}" text-anchor="end">tries (k)</text>`,
    `<g class="trained"><line class="level" x1="${LEFT}" x2="${PANEL_WIDTH - RIGHT}" y1="${level}" y2="${level}"/></g>`,
    ...curve('base', before!),
    ...curve('trained', after!),
  ].join('\n')
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[letter]!)
}

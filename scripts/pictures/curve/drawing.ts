import { escapeHtml } from '../../../src/io/escapeHtml.js'
import { mean } from '../../../src/eval/estimates.js'
import type { Theme } from '../theme.js'
import type { AccuracyCurve } from './accuracyCurve.js'

const WIDTH = 760
const HEIGHT = 360
const LEFT = 56
const RIGHT = 150
const TOP = 40
const BOTTOM = 48
/** Steps of which the thick line is the mean. */
const WINDOW = 5

/**
 * Right answers over the steps: the runs as thin lines with their mean as a thick one, those of placebos beside them, and circles for
 * what was measured on held-out problems before and after.
 * @param runs of any number of seeds, all of the same length
 * @returns SVG
 */
export function drawLearningCurve(
  runs: readonly AccuracyCurve[],
  placebos: readonly AccuracyCurve[],
  theme: Theme,
  title: string,
): string {
  const steps = runs[0]!.shares.length
  const toX = (step: number): number => round(LEFT + ((WIDTH - LEFT - RIGHT) * step) / steps)
  const toY = (share: number): number => round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share)
  const line = (shares: readonly number[], style: string): string =>
    `<polyline fill="none" stroke-linejoin="round" ${style} points="${shares.map((share, i) => `${toX(i + 1)},${toY(share)}`).join(' ')}"/>`
  const text = (x: number, y: number, content: string, style = ''): string =>
    `<text x="${round(x)}" y="${round(y)}" ${style}>${escapeHtml(content)}</text>`

  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path d="M${LEFT} ${toY(share)}H${WIDTH - RIGHT}" stroke="${theme.grid}"/>` +
      text(LEFT - 8, toY(share) + 5, `${100 * share} %`, `text-anchor="end" fill="${theme.muted}"`),
  )
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const step = Math.round(part * steps)
    return text(toX(step), HEIGHT - BOTTOM + 20, String(step), `text-anchor="middle" fill="${theme.muted}"`)
  })
  const axes =
    text(8, 20, 'right answers', `fill="${theme.muted}"`) +
    text(toX(steps / 2), HEIGHT - 8, 'training step', `text-anchor="middle" fill="${theme.muted}"`)

  /** A circle where a held-out accuracy is, empty before the training. */
  const circle = (step: number, share: number, color: string, isFilled: boolean): string =>
    `<circle cx="${toX(step)}" cy="${toY(share)}" r="5" stroke="${color}" stroke-width="2" fill="${isFilled ? color : theme.ground}"/>`
  const after = mean(runs.map(({ summary }) => summary.trained.accuracy.value))
  const before = mean(runs.map(({ summary }) => summary.base.accuracy.value))
  const ofPlacebo = mean(placebos.map(({ summary }) => summary.trained.accuracy.value))
  const label = (share: number, color: string, name: string): string =>
    text(
      toX(steps) + 14,
      toY(share) - 2,
      `${(100 * share).toFixed(0)} %`,
      `fill="${color}" font-weight="600" font-size="18"`,
    ) + text(toX(steps) + 14, toY(share) + 16, name, `fill="${color}"`)

  const meanCurve = (curves: readonly AccuracyCurve[]): number[] =>
    Array.from({ length: steps }, (_, i) => mean(curves.map(({ shares }) => shares[i]!)))
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="14" role="img">\n` +
    `<title>${escapeHtml(title)}</title>\n` +
    `<rect x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8" fill="${theme.ground}" stroke="${theme.border}"/>\n` +
    [...grid, ...marks, axes].join('\n') +
    '\n' +
    [
      ...runs.map(({ shares }) => line(shares, `stroke="${theme.accent}" stroke-opacity=".35"`)),
      ...placebos.map(({ shares }) => line(shares, `stroke="${theme.other}" stroke-opacity=".35"`)),
      line(smoothed(meanCurve(placebos)), `stroke="${theme.other}" stroke-width="3"`),
      line(smoothed(meanCurve(runs)), `stroke="${theme.accent}" stroke-width="3"`),
      circle(0, before, theme.text, false),
      circle(steps, ofPlacebo, theme.other, true),
      circle(steps, after, theme.accent, true),
      label(after, theme.accent, 'GRPO'),
      label(ofPlacebo, theme.other, 'random rewards'),
    ].join('\n') +
    '\n</svg>\n'
  )
}

function smoothed(values: readonly number[]): number[] {
  return values.map((_, i) => mean(values.slice(Math.max(0, i - WINDOW + 1), i + 1)))
}

function round(value: number): number {
  return Number(value.toFixed(1))
}

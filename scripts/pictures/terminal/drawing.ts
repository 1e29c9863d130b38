import { escapeHtml } from '../../../src/io/escapeHtml.js'
import type { Theme } from '../theme.js'
import type { Frames } from './frames.js'

const CELL = 8.4
const LINE = 19
const PADDING = 16
const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, Liberation Mono, monospace'

/** Seconds in which the command is typed. */
const TYPING = 1.2

/** What is looked at when the recording is over: the line at the top, and for how many seconds. */
export interface View {
  readonly top: number
  readonly seconds: number
}

/**
 * A terminal with the given lines.
 * @param title what it shows, for those who do not see it
 * @returns SVG
 */
export function drawTerminal(lines: readonly string[], columns: number, theme: Theme, title: string): string {
  const body = lines.map((line, i) => drawLine(line, i, theme)).join('\n')
  return frame({ columns, rows: lines.length, theme, title, body })
}

/**
 * A terminal in which a recording runs, again and again: the command is typed, the frames follow in equal distances, and its end is
 * looked at in the given views. Where motion is not wanted, or not drawn, the first of these is there.
 * @param seconds of the frames
 * @returns SVG, animated by CSS
 */
export function animateTerminal(
  { count, stretches, tops }: Frames,
  {
    columns,
    rows,
    command,
    seconds,
    views,
    theme,
    title,
  }: {
    columns: number
    rows: number
    command: string
    seconds: number
    views: readonly View[]
    theme: Theme
    title: string
  },
): string {
  const whole = views.reduce((sum, view) => sum + view.seconds, TYPING + seconds)
  const percentOf = (time: number): number => Number(((100 * time) / whole).toFixed(2))
  /** When a frame begins, in percent of the whole. */
  const startOf = (index: number): number => percentOf(TYPING + (seconds * index) / count)
  const keyframes = new Map<string, string>()
  const animationOf = (from: number, to: number): string => {
    const name = `f${from}-${to}`
    const end = to === count ? '' : `${startOf(to)}%{visibility:hidden}`
    keyframes.set(name, `@keyframes ${name}{0%{visibility:hidden}${startOf(from)}%{visibility:visible}${end}}`)
    return name
  }
  const prompt = `$ ${command}`
  const groups = new Map<string, string[]>()
  for (const { line, text, from, to } of stretches) {
    // The command is typed by itself.
    if (line === 0) continue
    const name = animationOf(from, to)
    groups.set(name, [...(groups.get(name) ?? []), drawLine(text, line, theme)])
  }
  const drawn = [...groups].map(([name, texts]) => {
    const isLast = name.endsWith(`-${count}`)
    return `<g class="l${isLast ? '' : ' h'}" style="animation-name:${name}">${texts.join('')}</g>`
  })
  const letters = Array.from(prompt.slice(2), (letter, i) => {
    keyframes.set(
      `t${i}`,
      `@keyframes t${i}{0%{visibility:hidden}${percentOf((TYPING * 0.8 * (i + 1)) / prompt.length)}%{visibility:visible}}`,
    )
    return `<g class="l" style="animation-name:t${i}">${drawLine(' '.repeat(i + 2) + letter, 0, theme)}</g>`
  })
  const shift = (top: number): string => `transform:translateY(${-LINE * top}px)`
  const scrolls = tops
    .slice(0, -1)
    .flatMap((top, i) => (top === (tops[i - 1] ?? 0) ? [] : [`${startOf(i)}%{${shift(top)}}`]))
  let time = TYPING + (seconds * (count - 1)) / count
  for (const view of views) {
    scrolls.push(`${percentOf(time)}%{${shift(view.top)}}`)
    time += view.seconds
  }
  const style =
    `.s{${shift(views[0]!.top)}}.h{visibility:hidden}` +
    `@media (prefers-reduced-motion:no-preference){.l,.s{animation:${whole}s step-end infinite}.s{animation-name:s}` +
    `@keyframes s{0%{transform:none}${scrolls.join('')}}${[...keyframes.values()].join('')}}`
  const body =
    `<style>${style}</style>\n` + `<g class="s">${drawLine('$', 0, theme)}${letters.join('')}\n${drawn.join('\n')}</g>`
  return frame({ columns, rows, theme, title, body })
}

function frame({
  columns,
  rows,
  theme,
  title,
  body,
}: {
  columns: number
  rows: number
  theme: Theme
  title: string
  body: string
}): string {
  const [width, height] = [Math.ceil(columns * CELL), rows * LINE]
  const [outerWidth, outerHeight] = [width + 2 * PADDING, height + 2 * PADDING]
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${outerWidth}" height="${outerHeight}" viewBox="0 0 ${outerWidth} ${outerHeight}" ` +
    `font-family="${FONT}" font-size="14" fill="${theme.text}" role="img">\n<title>${escapeHtml(title)}</title>\n` +
    `<rect x=".5" y=".5" width="${outerWidth - 1}" height="${outerHeight - 1}" rx="8" fill="${theme.ground}" stroke="${theme.border}"/>\n` +
    `<svg x="${PADDING}" y="${PADDING}" width="${width}" height="${height}">\n${body}\n</svg>\n</svg>\n`
  )
}

/** A line's words in their columns whatever the font, and its blocks as rectangles. */
function drawLine(text: string, line: number, { text: color }: Theme): string {
  const top = line * LINE
  return [...text.matchAll(/█+|░+|[^\s█░]+(?: [^\s█░]+)*/g)]
    .map(({ 0: part, index }) => {
      const [x, width] = [round(index * CELL), round(part.length * CELL)]
      if (part.startsWith('█')) return `<rect x="${x}" y="${top + 2}" width="${width}" height="15" fill="${color}"/>`
      if (part.startsWith('░'))
        return `<rect x="${x}" y="${top + 2}" width="${width}" height="15" fill="${color}" fill-opacity=".15"/>`
      const fitted = part.length > 1 ? ` textLength="${width}" lengthAdjust="spacingAndGlyphs"` : ''
      return `<text x="${x}" y="${top + 14}"${fitted}>${escapeHtml(part)}</text>`
    })
    .join('')
}

function round(value: number): number {
  return Number(value.toFixed(1))
}

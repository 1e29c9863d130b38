import { Marked } from 'marked'
import { escapeHtml } from '../../src/io/escapeHtml.js'
import { plainText } from '../text/captions.js'
import type { Section } from '../text/script.js'

const markdown = new Marked({ gfm: true })

/** A page of our own: a card of the script. */
export function cardPage(text: string): string {
  return page(`<main>${markdown.parse(text, { async: false })}</main>`, CARD)
}

/** The card that begins a section: its title, and what its scenes are about. */
export function titlePage(section: Section, sections: number): string {
  const scenes = section.scenes.map(({ title }) => `<li>${escapeHtml(title)}</li>`).join('')
  return page(
    `<main><p class="of">Part ${section.number} of ${sections}</p><h1>${escapeHtml(section.title)}</h1><ol>${scenes}</ol></main>`,
    `${CARD} ol { columns: ${section.scenes.length > 6 ? 2 : 1}; column-gap: 3rem }`,
  )
}

/** A terminal in which a command has printed something, a line an element. */
export function terminalPage(command: string, printed: string): string {
  const lines = [`$ ${command}`, ...printed.trimEnd().split('\n')]
  return page(`<main><div>${lines.map((line) => `<pre>${escapeHtml(line)}</pre>`).join('')}</div></main>`, TERMINAL)
}

/** What stands in the strip below the picture. */
export interface Strip {
  /** What is said. */
  readonly caption: string
  /** Where we are. */
  readonly place: string
  /** How many times as fast as it ran the picture is shown. */
  readonly speed: number
}

/** Strips of captions, below each other. */
export function stripsPage(strips: readonly Strip[], height: number): string {
  const body = strips.map(({ caption, place, speed }) => {
    const fast = speed > 1 ? `<b>${speed.toFixed(1)} × as fast</b>` : ''
    const where = `<p class="place"><span>${escapeHtml(place)}</span>${fast}</p>`
    return `<section><p class="said">${escapeHtml(plainText(caption))}</p>${where}</section>`
  })
  return page(body.join(''), `${STRIP} section { height: ${height}px }`)
}

function page(body: string, style: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><style>${BASE}${style}</style><body>${body}</body></html>`
}

const BASE = `
* { box-sizing: border-box; margin: 0 }
html, body { height: 100%; overflow: hidden; font-family: "DejaVu Sans", system-ui, sans-serif }
`
const CARD = `
body { background: #10243e; color: #eef4fb; display: grid; align-items: center; padding: 2.5rem 5.5rem; font-size: 26px; line-height: 1.45 }
h1 { font-size: 50px; line-height: 1.15; margin-bottom: 1.6rem; color: #fff }
h2 { font-size: 38px; line-height: 1.2; margin-bottom: 1.2rem; color: #fff }
p, ul, ol, table, pre, blockquote { margin-bottom: 1rem }
li { margin-bottom: 0.5rem; break-inside: avoid }
.of { color: #8fc1ff; letter-spacing: 0.08em; text-transform: uppercase; font-size: 20px }
strong { color: #ffd43b }
code, pre { font-family: "DejaVu Sans Mono", monospace; font-size: 0.86em }
pre { background: #0a1728; padding: 1rem 1.4rem; border-radius: 10px; line-height: 1.5; white-space: pre-wrap }
blockquote { border-left: 5px solid #4dabf7; padding-left: 1.2rem; color: #cfe3f7 }
table { border-collapse: collapse; width: 100%; font-size: 0.86em }
th, td { text-align: left; padding: 0.5rem 1rem; border-bottom: 1px solid #31547d; vertical-align: top }
th { color: #8fc1ff }
`
const TERMINAL = `
body { background: #1b1e23; color: #dfe4ea; padding: 1.2rem 1.8rem }
main { height: 100%; overflow: hidden }
pre { font: 15px/1.42 "DejaVu Sans Mono", monospace; white-space: pre-wrap; min-height: 1.42em; width: fit-content }
pre:first-child { color: #8ce99a; font-weight: bold }
`
const STRIP = `
body { background: #0b0f14; color: #fff }
section { display: grid; grid-template-columns: 1fr auto; align-items: center; gap: 2rem; padding: 0 1.6rem; overflow: hidden }
.said { font-size: 22px; line-height: 1.3; text-wrap: balance; max-width: 64rem }
.place { font-size: 13px; color: #9fb3c8; text-align: right; max-width: 15rem; display: grid; gap: 0.2rem }
.place b { color: #ffd43b }
`

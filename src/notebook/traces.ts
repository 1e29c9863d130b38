import { formatNumber } from '../report/page/format.js'
import { escapeHtml } from '../io/escapeHtml.js'
import { colors, contentBundle, textHtml } from './html.js'
import type { Content } from './html.js'
import { showBundle } from './output.js'

/** A completion as it is shown beside others. */
export interface ShownTrace {
  /** What stands above it. */
  readonly title: string
  /** The completion. */
  readonly text: string
  /** Whether its answer is right; left out when nobody judged it. */
  readonly correct?: boolean
  /** What else is told about it, such as `{ reward: 1, advantage: 0.87 }`. */
  readonly facts?: Readonly<Record<string, number | string>>
}

/**
 * Shows completions beside each other where the page is wide enough, each with its title, its facts and whether it is right. What
 * stands between `<think>` and `</think>` is set apart.
 * @param question what they answer; shown above them
 */
export function traces(shown: readonly ShownTrace[], question?: string): void {
  showBundle(contentBundle(tracesContent(shown, question)))
}

/** The traces as HTML and as text. */
export function tracesContent(shown: readonly ShownTrace[], question?: string): Content {
  const cards = shown.map(({ title, text, correct, facts = {} }) => {
    const listed = Object.entries(facts).map(
      ([name, value]) => `${name} ${typeof value === 'number' ? formatNumber(value) : value}`,
    )
    const verdict = correct === undefined ? '' : correct ? '✓ right' : '✗ wrong'
    const ground = correct === undefined ? colors.shade : correct ? colors.good : colors.bad
    return {
      html:
        `<div style="border:1px solid ${colors.line};border-radius:6px;overflow:hidden;min-width:0">` +
        `<div style="background:${ground};padding:.35em .7em"><b>${escapeHtml(title)}</b> ` +
        `${escapeHtml([verdict, ...listed].filter(Boolean).join(' · '))}</div>` +
        `<pre style="margin:0;padding:.5em .7em;white-space:pre-wrap;overflow-wrap:anywhere;font-family:monospace;font-size:.92em;background:none;border:0">${markThinking(text)}</pre></div>`,
      text: `--- ${[title, verdict, ...listed].filter(Boolean).join(', ')}\n${text}`,
    }
  })
  const heading =
    question === undefined ? '' : `<div style="margin:.6em 0 .4em"><b>Problem:</b> ${textHtml(question)}</div>`
  return {
    html: `${heading}<div style="display:grid;gap:.6em;grid-template-columns:repeat(auto-fit,minmax(min(100%,250px),1fr))">${cards.map(({ html }) => html).join('')}</div>`,
    text: [...(question === undefined ? [] : [question]), ...cards.map(({ text }) => text)].join('\n'),
  }
}

/** The text as HTML, its thoughts behind a line at their left. */
function markThinking(text: string): string {
  if (text === '') return '<i>(no text)</i>'
  const [, before, thoughts, after] = /^(.*?)(<think>.*?(?:<\/think>|$))(.*)$/s.exec(text) ?? []
  if (thoughts === undefined) return escapeHtml(text)
  const block = `<div style="border-left:3px solid ${colors.line};padding-left:.6em">${escapeHtml(thoughts)}</div>`
  return `${escapeHtml(before!.trimEnd())}${block}${escapeHtml(after!.trimStart())}`
}

import { escapeHtml } from '../io/escapeHtml.js'
import { openOutput, showBundle } from './output.js'
import type { MimeBundle } from './output.js'

/**
 * Colours of the parts that are no text. Text takes the colour of the page, and these are translucent or of middle brightness:
 * they do on a light page and on a dark one, also where neither styles nor scripts of an output are let through.
 */
export const colors = {
  line: 'rgba(128, 128, 128, 0.35)',
  shade: 'rgba(128, 128, 128, 0.1)',
  good: 'rgba(24, 148, 88, 0.2)',
  bad: 'rgba(214, 69, 56, 0.2)',
  /** Red, green, blue. */
  up: '47, 125, 225',
  down: '224, 112, 26',
} as const

/** Shows HTML below the cell that runs. `text` is for where no HTML can be shown; by default the HTML without its tags. */
export function html(content: string, text: string = withoutTags(content)): void {
  showBundle({ 'text/html': content, 'text/plain': text })
}

/** Shows Markdown below the cell that runs; `$…$` is mathematics. */
export function markdown(text: string): void {
  showBundle({ 'text/markdown': text, 'text/plain': text })
}

/** A place below a cell whose content can be replaced, also from later cells. */
export interface Place {
  /** Replaces the content; `text` is shown where there is no HTML. */
  html(content: string, text?: string): void
}

/** Opens a place; it appears below the cell that first fills it. */
export function place(): Place {
  const output = openOutput()
  return {
    html(content, text = withoutTags(content)) {
      output.show({ 'text/html': content, 'text/plain': text })
    },
  }
}

/** Content with the text that stands for it where no HTML can be shown. */
export interface Content {
  readonly html: string
  readonly text: string
}

export function contentBundle({ html: content, text }: Content): MimeBundle {
  return { 'text/html': content, 'text/plain': text }
}

/** Text as HTML that keeps its lines, also where styles are taken away. */
export function textHtml(text: string): string {
  return escapeHtml(text).replaceAll('\n', '<br>')
}

function withoutTags(content: string): string {
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return content
    .replaceAll(/<(script|style)\b.*?<\/\1>/gs, '')
    .replaceAll(/<\/(p|div|tr|li|h\d)>|<br>/g, '\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll(/&(amp|lt|gt|quot);/g, (_, name: string) => entities[name]!)
    .trim()
}

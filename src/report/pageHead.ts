import { createHash } from 'node:crypto'
import { escapeHtml } from '../io/escapeHtml.js'

/** What the head of a page says. */
export interface PageHead {
  /** Before `· grpo-ts`. */
  readonly title: string
  readonly styles: string
  /** All programs that may run in the page. */
  readonly scripts: readonly string[]
  /** Where pictures may come from, as of `img-src`. */
  readonly images: string
  /** What the programs may ask, as of `connect-src`. */
  readonly connect: string
}

/** The beginning of a page, to the end of its head: its content security policy lets no other script run and nothing else be fetched. */
export function pageHead({ title, styles, scripts, images, connect }: PageHead): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`)
  const policy = [
    "default-src 'none'",
    `script-src ${hashes.join(' ')}`,
    // Plotly sets styles of its own.
    "style-src 'unsafe-inline'",
    `img-src ${images}`,
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)} · grpo-ts</title>
<style>${styles}</style>
</head>`
}

import { formatNumber, formatSigned } from '../report/page/format.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { TokenTexts } from '../text/tokenTexts.js'
import { escapeHtml } from '../io/escapeHtml.js'
import { colors, contentBundle } from './html.js'
import type { Content } from './html.js'
import { showBundle } from './output.js'

/** A text whose tokens are coloured. */
export interface ColoredTokens {
  /** What stands above the text. */
  readonly title: string
  /** Its tokens. */
  readonly ids: readonly number[]
  /** One for each token: log-probabilities, or changes of something in nats. */
  readonly values: readonly number[]
}

/** What colours of tokens mean. */
export interface TokensOptions {
  /**
   * `probability`: values are log-probabilities, and the less likely a token was, the stronger its colour; `change`: blue above
   * 0, orange below, the stronger the further from it, full at 2. Defaults to `probability`.
   */
  by?: 'probability' | 'change'
}

/** Shows texts with a coloured ground behind each token; the pointer over a token shows its number. */
export function tokens(tokenizer: Tokenizer, texts: readonly ColoredTokens[], options: TokensOptions = {}): void {
  showBundle(contentBundle(tokensContent(tokenizer, texts, options)))
}

/** The coloured texts as HTML, and the plain ones. */
export function tokensContent(
  tokenizer: Tokenizer,
  texts: readonly ColoredTokens[],
  { by = 'probability' }: TokensOptions = {},
): Content {
  const tokenTexts = new TokenTexts(tokenizer)
  const blocks = texts.map(({ title, ids, values }) => {
    const text = tokenizer.decode(ids, { skipSpecialTokens: true })
    const pieces = tokenTexts.of(ids, text) ?? ids.map((id) => tokenizer.idToToken(id) ?? '')
    const spans = pieces.map((piece, i) => {
      const value = values[i] ?? 0
      const label = by === 'change' ? formatSigned(value) : `p = ${formatNumber(Math.exp(value))}`
      return `<span title="${escapeHtml(`${JSON.stringify(piece)} ${label}`)}" style="background:${tokenColor(value, by)};border-radius:3px">${escapeHtml(piece === '' ? '∎' : piece)}</span>`
    })
    return {
      html: `<div style="margin:.5em 0"><b>${escapeHtml(title)}</b><pre style="margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-family:monospace;line-height:1.7;background:none;border:0">${spans.join('')}</pre></div>`,
      text: `${title}\n${text}`,
    }
  })
  return {
    html: `${legend(by)}${blocks.map(({ html }) => html).join('')}`,
    text: blocks.map(({ text }) => text).join('\n'),
  }
}

function tokenColor(value: number, by: 'probability' | 'change'): string {
  if (by === 'change') {
    return `rgba(${value > 0 ? colors.up : colors.down}, ${(0.6 * Math.min(1, Math.abs(value) / 2)).toFixed(2)})`
  }
  // A token of 1 % has the full colour.
  return `rgba(${colors.down}, ${(0.6 * Math.min(1, -value / Math.log(100))).toFixed(2)})`
}

function legend(by: 'probability' | 'change'): string {
  const samples: readonly (readonly [label: string, value: number])[] =
    by === 'change'
      ? [-2, -1, -0.5, 0, 0.5, 1, 2].map((value) => [formatSigned(value), value])
      : [1, 0.5, 0.1, 0.01].map((share) => [`${100 * share} %`, Math.log(share)])
  const spans = samples.map(
    ([label, value]) => `<span style="background:${tokenColor(value, by)};padding:0 .4em">${label}</span>`,
  )
  const heading = by === 'change' ? 'Change in nats: ' : 'Probability when it was sampled: '
  return `<div style="opacity:.85;font-size:.92em">${heading}${spans.join(' ')}</div>`
}

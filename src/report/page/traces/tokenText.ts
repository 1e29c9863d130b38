import type { TokenValues } from '../../reportData.js'
import { disclosure, element, table } from '../dom.js'
import { formatNumber, formatShare, formatSigned } from '../format.js'

/** What tokens are coloured by. */
export type ColorMode = 'none' | 'probability' | 'change'

/** Likelier than these probabilities, in the order of the style sheet's classes p0 (as expected) to p5 (a surprise). */
const probabilityLimits = [0.9, 0.5, 0.2, 0.05, 0.01] as const
/** Changes of log p, in nats, from one class to the next. */
const changeLimits = [0.1, 0.5, 1, 2] as const

/** A completion's text with an element for each token, coloured or marked as given, which the tooltip explains. */
export function tokenText(text: string, tokens: TokenValues, mode: ColorMode): DocumentFragment {
  const result = document.createDocumentFragment()
  let start = 0
  for (const [t, end] of tokens.ends.entries()) {
    if (end > start) {
      const span = element(
        'span',
        { class: `token ${tokenClass(tokens, t, mode)}`, 'data-t': t },
        text.slice(start, end),
      )
      result.append(span)
    }
    start = end
  }
  const last = tokens.ends.length - 1
  if (last >= 0 && (tokens.ends[last - 1] ?? 0) === tokens.ends[last]) {
    const end = element('span', { class: `token token-end ${tokenClass(tokens, last, mode)}`, 'data-t': last })
    end.dataset.mark = '∎'
    result.append(end)
  }
  return result
}

function tokenClass({ logProbs, changes, mask }: TokenValues, t: number, mode: ColorMode): string {
  if (mask?.[t] === 0) return 'given'
  if (mode === 'change') {
    const change = changes?.[t] ?? null
    if (change === null) return ''
    const strength = changeLimits.filter((limit) => Math.abs(change) >= limit).length
    return strength === 0 ? '' : `${change > 0 ? 'up' : 'down'}${strength}`
  }
  const logProb = logProbs[t] ?? null
  if (logProb === null || mode === 'none') return ''
  return `p${probabilityLimits.filter((limit) => Math.exp(logProb) < limit).length}`
}

/** What the colours mean. */
export function colorLegend(mode: ColorMode): HTMLElement {
  const legend = element('p', { class: 'legend small' })
  const sample = (name: string, label: string): HTMLElement => element('span', { class: `token ${name}` }, label)
  if (mode === 'probability') {
    const labels = probabilityLimits.map((limit, i) => sample(`p${i}`, `≥ ${formatShare(limit).replace('.0', '')}`))
    legend.append('Probability when it was sampled: ', ...labels, sample('p5', '< 1 %'))
  } else if (mode === 'change') {
    const labels = [
      ...changeLimits.toReversed().map((limit, i) => sample(`down${4 - i}`, `−${limit}`)),
      ...changeLimits.map((limit, i) => sample(`up${i + 1}`, `+${limit}`)),
    ]
    legend.append('Change of log p by training, in nats: ', ...labels)
  } else legend.hidden = true
  return legend
}

/** `" apples", token 3 · p = 12.3 %, log p = −2.10` */
function describeToken(text: string, tokens: TokenValues, t: number): string {
  const piece = text.slice(tokens.ends[t - 1] ?? 0, tokens.ends[t])
  const logProb = tokens.logProbs[t] ?? null
  const change = tokens.changes?.[t] ?? null
  if (tokens.mask?.[t] === 0) return `${JSON.stringify(piece)}, token ${t + 1} · given, not sampled`
  return [
    `${piece === '' ? 'end' : JSON.stringify(piece)}, token ${t + 1}`,
    logProb === null ? null : `p = ${formatShare(Math.exp(logProb))}, log p = ${formatNumber(logProb)}`,
    change === null ? null : `${formatSigned(change)} nats by training`,
  ]
    .filter((part) => part !== null)
    .join(' · ')
}

/** The tokens with their numbers, for those who do not see colours. */
export function tokenTable(text: string, tokens: TokenValues): HTMLElement {
  return disclosure('Tokens as a table', () =>
    table(
      'Tokens of the completion',
      ['Token', 'log p', 'p', ...(tokens.changes ? ['change'] : [])],
      tokens.ends.map((end, t) => [
        JSON.stringify(text.slice(tokens.ends[t - 1] ?? 0, end)),
        ...(tokens.mask?.[t] === 0
          ? ['given', '–']
          : [formatNumber(tokens.logProbs[t]), formatShare(Math.exp(tokens.logProbs[t] ?? NaN))]),
        ...(tokens.changes ? [formatSigned(tokens.changes[t] ?? null)] : []),
      ]),
    ),
  )
}

/** Shows what the pointer is over in a small box beside it. */
export function setUpTokenTooltip(
  root: HTMLElement,
  tokensOf: (card: HTMLElement) => [string, TokenValues] | null,
): void {
  const tooltip = element('div', { class: 'tooltip', role: 'tooltip', hidden: true })
  document.body.append(tooltip)
  root.addEventListener('pointerover', (event) => {
    const token = event.target instanceof Element ? event.target.closest<HTMLElement>('.token[data-t]') : null
    const card = token?.closest<HTMLElement>('article')
    const values = card && tokensOf(card)
    tooltip.hidden = !values
    if (!token || !values) return
    tooltip.textContent = describeToken(...values, Number(token.dataset.t))
    const box = token.getBoundingClientRect()
    tooltip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tooltip.offsetWidth - 8))}px`
    tooltip.style.top = `${box.bottom + tooltip.offsetHeight + 12 > innerHeight ? box.top - tooltip.offsetHeight - 6 : box.bottom + 6}px`
  })
  root.addEventListener('pointerleave', () => {
    tooltip.hidden = true
  })
  addEventListener('scroll', () => {
    tooltip.hidden = true
  })
}

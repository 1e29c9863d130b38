import type { Finding } from '../grpo/diagnosis/finding.js'
import { describeFinding } from '../grpo/diagnosis/runDiagnosis.js'
import { escapeHtml } from '../io/escapeHtml.js'
import { colors, contentBundle } from './html.js'
import type { Content } from './html.js'
import { showBundle } from './output.js'

/**
 * Shows what a diagnosis found: what is the matter, since when, and what to change.
 * @param of what was diagnosed, where there are several; shown above
 */
export function findings(found: readonly Finding[], of?: string): void {
  showBundle(contentBundle(findingsContent(found, of)))
}

/** The findings as HTML and as text. */
function findingsContent(found: readonly Finding[], of?: string): Content {
  const [heading, before] = of === undefined ? ['', ''] : [`<div><b>${escapeHtml(of)}</b></div>`, `${of}: `]
  const nothing = 'The diagnosis has nothing to say.'
  if (found.length === 0) return { html: `${heading}<div>${nothing}</div>`, text: before + nothing }
  const blocks = found.map(({ name, subject, severity, state, since, message, advice }) => {
    const title = `${name.replaceAll('_', ' ')}${subject === null ? '' : ` (${subject})`}`
    const ground = severity === 'info' ? colors.shade : colors.bad
    const period = state === 'ended' ? `over; since step ${since}` : `since step ${since}`
    return (
      `<div style="border-left:4px solid ${ground};background:${colors.shade};padding:.4em .8em;margin:.4em 0">` +
      `<b>${escapeHtml(title)}</b> · ${severity} · ${period}<br>${escapeHtml(message)}<br><i>Try:</i> ${escapeHtml(advice)}</div>`
    )
  })
  return { html: heading + blocks.join(''), text: found.map((one) => before + describeFinding(one)).join('\n') }
}

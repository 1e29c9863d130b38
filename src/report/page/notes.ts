import type { DiagnosisNote } from '../reportData.js'
import { byId, element } from './dom.js'
import { plural } from './format.js'
import type { Run } from './run.js'

const order = ['error', 'warning', 'info'] as const

/** What the diagnosis said during the run, and what the preflight said before it. */
export function showNotes(run: Run): void {
  const show = (): void => {
    const notes = run.notes.toSorted(
      (a, b) =>
        Number(a.until !== null) - Number(b.until !== null) || order.indexOf(a.severity) - order.indexOf(b.severity),
    )
    byId('notes-content').replaceChildren(
      ...(notes.length === 0
        ? [element('p', { class: 'muted' }, 'The diagnosis has nothing to say about this run.')]
        : notes.map(noteCard)),
    )
  }
  run.onChange(show)
  show()
  showPreflight(run)
}

function noteCard(note: DiagnosisNote): HTMLElement {
  const { name, subject, severity, message, evidence, remedy, since, until } = note
  const severityText = { error: 'Error', warning: 'Warning', info: 'Note' }[severity]
  const steps =
    since === null
      ? ''
      : until === null
        ? `since step ${since}`
        : since === until
          ? `step ${since}`
          : `steps ${since} to ${until}, over now`
  return element(
    'article',
    { class: `note note-${severity}${until === null ? '' : ' note-over'}` },
    element(
      'h3',
      {},
      `${severityText}: ${name.replaceAll('_', ' ')}${subject === null ? '' : ` (${subject})`}`,
      steps === '' ? null : element('span', { class: 'muted small' }, ` ${steps}`),
    ),
    element('p', {}, message),
    remedy === null ? null : element('p', {}, element('strong', {}, 'Try: '), remedy),
    evidence.length === 0
      ? null
      : element(
          'dl',
          { class: 'evidence' },
          ...evidence.map(([metric, value]) => element('div', {}, element('dt', {}, metric), element('dd', {}, value))),
        ),
  )
}

function showPreflight({ data: { preflight } }: Run): void {
  const section = byId('preflight')
  section.hidden = preflight === null
  if (!preflight) return
  const { go, checks } = preflight
  const troubles = checks.filter(({ status }) => status === 'warning' || status === 'problem').length
  byId('preflight-content').replaceChildren(
    element(
      'p',
      { class: 'note note-info' },
      go === false ? 'The preflight advised against this run as it was set up.' : 'The preflight said go.',
      troubles > 0 ? ` ${plural(troubles, 'check')} had something to say.` : '',
    ),
    element(
      'ul',
      { class: 'checks' },
      ...checks.map(({ name, status, message, remedy }) =>
        element(
          'li',
          { class: `check check-${status ?? 'none'}` },
          element('strong', {}, `${{ ok: '✓ ', warning: '! ', problem: '✗ ', none: '' }[status ?? 'none']}${name}: `),
          message,
          remedy === null ? null : element('span', {}, ` Try: ${remedy}`),
        ),
      ),
    ),
  )
}

import type { DiagnosisNote } from '../reportData.js'
import { rounded } from '../values.js'
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
  const { name, subject, severity, message, advice, since, until } = note
  const evidence = Object.entries(note.evidence)
  const severityText = { error: 'Error', warning: 'Warning', info: 'Note' }[severity]
  const steps =
    until === null ? `since step ${since}` : since === until ? `step ${since}` : `steps ${since} to ${until}, over now`
  return element(
    'article',
    { class: `note note-${severity}${until === null ? '' : ' note-over'}` },
    element(
      'h3',
      {},
      `${severityText}: ${name.replaceAll('_', ' ')}${subject === null ? '' : ` (${subject})`}`,
      element('span', { class: 'muted small' }, ` ${steps}`),
    ),
    element('p', {}, message),
    element('p', {}, element('strong', {}, 'Try: '), advice),
    evidence.length === 0
      ? null
      : element(
          'dl',
          { class: 'evidence' },
          ...evidence.map(([metric, value]) =>
            element(
              'div',
              {},
              element('dt', {}, metric),
              element('dd', {}, value === null ? '–' : String(rounded(value))),
            ),
          ),
        ),
  )
}

function showPreflight({ data: { preflight } }: Run): void {
  const section = byId('preflight')
  section.hidden = preflight === null
  if (!preflight) return
  const { go, checks } = preflight
  const troubles = checks.filter(({ status }) => status !== 'ok').length
  byId('preflight-content').replaceChildren(
    element(
      'p',
      { class: 'note note-info' },
      go ? 'The preflight said go.' : 'The preflight advised against this run as it was set up.',
      troubles > 0 ? ` ${plural(troubles, 'check')} had something to say.` : '',
    ),
    element(
      'ul',
      { class: 'checks' },
      ...checks.map(({ name, status, message, advice }) =>
        element(
          'li',
          { class: `check check-${status}` },
          element('strong', {}, `${{ ok: '✓', warning: '!', problem: '✗' }[status]} ${name.replaceAll('_', ' ')}: `),
          message,
          advice === null ? null : element('span', {}, ` Try: ${advice}`),
        ),
      ),
    ),
  )
}

import type { DiagnosisNote } from './reportData.js'
import { asNumber, asObject, asText, display } from './values.js'

const severities = ['info', 'warning', 'error'] as const

/** The lines of diagnosis.jsonl, those about the same finding as one note. */
export class DiagnosisLog {
  readonly #notes = new Map<string, DiagnosisNote>()

  get notes(): readonly DiagnosisNote[] {
    return [...this.#notes.values()]
  }

  add(value: unknown): void {
    const line = asObject(value)
    const name = asText(line.name)
    const message = asText(line.message)
    if (name === null || message === null) return
    const subject = asText(line.subject)
    const step = asNumber(line.step)
    const since = asNumber(line.since) ?? step
    this.#notes.set(JSON.stringify([name, subject, since]), {
      name,
      subject,
      message,
      since,
      severity: severities.find((severity) => severity === line.severity) ?? 'warning',
      evidence: Object.entries(asObject(line.evidence)).map(([metric, number]) => [metric, display(number)]),
      remedy: asText(line.advice),
      until: line.state === 'ended' ? step : null,
    })
  }
}

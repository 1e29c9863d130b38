import type { DiagnosisLine } from '../run/diagnosisFile.js'
import type { DiagnosisNote } from './reportData.js'

/** The lines of diagnosis.jsonl, those about the same finding as one note. */
export class DiagnosisLog {
  readonly #notes = new Map<string, DiagnosisNote>()

  get notes(): readonly DiagnosisNote[] {
    return [...this.#notes.values()]
  }

  add({ step, state, ...finding }: DiagnosisLine): void {
    const { name, subject, since } = finding
    this.#notes.set(JSON.stringify([name, subject, since]), { ...finding, until: state === 'ended' ? step : null })
  }
}

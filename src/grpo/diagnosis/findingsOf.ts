import type { Finding } from './finding.js'

/** What the diagnosis said in some steps of a run, oldest first: each finding once, as it stood last. */
export function findingsOf(steps: readonly { readonly diagnosis: readonly Finding[] }[]): Finding[] {
  const latest = new Map<string, Finding>()
  for (const { diagnosis } of steps) {
    // One that ended and came again is another one.
    for (const finding of diagnosis) latest.set(`${finding.name} ${finding.subject ?? ''} ${finding.since}`, finding)
  }
  return [...latest.values()].toSorted((a, b) => a.since - b.since)
}

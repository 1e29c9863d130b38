import type { Preflight } from './reportData.js'
import { asArray, asBoolean, asObject, asText } from './values.js'

/** preflight.json; null when it holds no checks. */
export function readPreflight(value: unknown): Preflight | null {
  const fields = asObject(value)
  const checks = asArray(fields.checks).flatMap((item): Preflight['checks'] => {
    const check = asObject(item)
    const name = asText(check.name)
    if (name === null) return []
    const status = asText(check.status)
    return [
      {
        name: name.replaceAll('_', ' '),
        status: status === 'ok' || status === 'warning' || status === 'problem' ? status : null,
        message: asText(check.message) ?? '',
        remedy: asText(check.advice),
      },
    ]
  })
  return checks.length === 0 ? null : { go: asBoolean(fields.go), checks }
}

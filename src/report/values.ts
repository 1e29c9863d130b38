import { isJsonObject } from '../io/json.js'

/**
 * Readers of values that come from files which others may have written: what is not of the wanted kind is null, so that the page
 * never breaks on a file.
 */

export function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

export function asText(value: unknown): string | null {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}

export function asBoolean(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {}
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Anything as a short text. */
export function display(value: unknown): string {
  if (typeof value === 'number') return String(rounded(value))
  return asText(value) ?? JSON.stringify(value ?? null)
}

/** To six significant digits: more take space and say nothing in a chart. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

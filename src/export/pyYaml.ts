import { stringify } from 'yaml'
import type { ScalarTag } from 'yaml'

/** PyYAML takes `1e-7` for a text: its numbers with an exponent have a point and a sign. */
const exponentNumbers: ScalarTag = {
  identify: (value) => typeof value === 'number' && String(value).includes('e'),
  default: true,
  tag: 'tag:yaml.org,2002:float',
  // Never read by this.
  test: /^(?!)/,
  resolve: (text) => text,
  stringify: ({ value }) => String(value).replace(/^(-?\d+)(?=e)/, '$1.0'),
}

/**
 * YAML as PyYAML reads it, which follows YAML 1.1: every text is quoted, so that `no`, `on`, `=`, `12:30` and `2026-01-01` stay
 * what they are, and characters that it refuses are escaped.
 */
export function stringifyForPyYaml(value: Readonly<Record<string, unknown>>): string {
  const text = stringify(value, {
    version: '1.1',
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    lineWidth: 0,
    // Of a text `<<` it makes a merge key, which PyYAML refuses where it is no key.
    customTags: (tags) => [
      exponentNumbers,
      ...tags.filter((tag) => typeof tag === 'string' || !tag.tag.endsWith(':merge')),
    ],
  })
  return text.replace(
    /(?![\n\t])\p{Cc}|[\u2028\u2029\ufeff\ufffe\uffff]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

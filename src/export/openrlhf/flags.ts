/**
 * Flags of a command in bash, one option a line, by OpenRLHF's names: `true` is the flag alone, a list is its values one after the
 * other, and a path that begins with `./` becomes an absolute one, which the processes of Ray need.
 */
export function bashFlags(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      const values = value === true ? [] : Array.isArray(value) ? (value as unknown[]) : [value]
      return [`--${name}`, ...values.map((one) => bashWord(String(one)))].join(' ')
    })
    .join('\n')
}

function bashWord(text: string): string {
  if (/^\.\/[\w./-]+$/.test(text)) return `"$PWD/${text.slice(2)}"`
  return /^[\w.:@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

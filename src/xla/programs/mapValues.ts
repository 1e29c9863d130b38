/** The same of all values of an object. */
export function mapValues<Key extends string, From, To>(
  values: Readonly<Record<Key, From>>,
  change: (value: From) => To,
): Record<Key, To> {
  const entries = Object.entries(values) as [Key, From][]
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value)])) as Record<Key, To>
}

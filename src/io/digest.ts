import { createHash } from 'node:crypto'

/** 16 hexadecimal digits that are another for another value; of JSON's values, in their order. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

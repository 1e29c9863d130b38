import { exactText } from '../../io/exactJson.js'
import { isJsonObject } from '../../io/json.js'

/** A row of a data file: its columns by their names. */
export type Columns = Readonly<Record<string, unknown>>

/** Where a column lies: `holder[key]`. */
interface Place {
  readonly holder: Columns
  readonly key: string
}

/**
 * The value of a column; undefined where there is none. A name with dots that is no column itself leads into nested ones:
 * `reward_model.ground_truth`, `answers.0`.
 */
export function columnValue(row: Columns, name: string): unknown {
  const place = placeOf(row, name)
  return place?.holder[place.key]
}

/** Whether a row has a column, by {@link columnValue}'s rules. */
export function hasColumn(row: Columns, name: string): boolean {
  return placeOf(row, name) !== null
}

/**
 * The first of these columns that is a text, a number as its file spells it, a truth value or a list of one of them; an empty
 * text if there is none.
 */
export function textColumn(row: Columns, ...names: readonly string[]): string {
  for (const name of names) {
    const place = placeOf(row, name)
    if (place === null) continue
    const value = place.holder[place.key]
    const text =
      exactText(place.holder, place.key) ?? asText(Array.isArray(value) && value.length === 1 ? value[0] : value)
    if (text !== null) return text
  }
  return ''
}

function asText(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : null
}

function placeOf(row: Columns, name: string): Place | null {
  if (Object.hasOwn(row, name)) return { holder: row, key: name }
  // Every prefix that is a column: names may hold dots at any level.
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const prefix = name.slice(0, dot)
    if (!Object.hasOwn(row, prefix)) continue
    const inner = row[prefix]
    const found = isJsonObject(inner) || Array.isArray(inner) ? placeOf(inner as Columns, name.slice(dot + 1)) : null
    if (found !== null) return found
  }
  return null
}

/** The names of a row's columns, for a message. */
export function columnNames(row: Columns): string {
  return Object.entries(row)
    .map(([name, value]) => (isJsonObject(value) ? `${name} (${Object.keys(value).join(', ')})` : name))
    .join(', ')
}

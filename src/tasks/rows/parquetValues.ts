import type { FileMetaData, SchemaTree } from 'hyparquet'
import { isListLike, isMapLike } from 'hyparquet/src/schema.js'
import { keepExactText, plainNumber } from '../../io/exactJson.js'
import { float16ToFloat32, float32ToFloat16 } from '../../io/dtypes.js'
import { isJsonObject } from '../../io/json.js'

/** Digits behind the point of a column of decimals, by its element of the schema. */
export type DecimalScales = ReadonlyMap<object, number>

/**
 * Has decimals decoded as the integers that the file holds: hyparquet multiplies them as floats. Returns where the point
 * belongs.
 */
export function takeDecimals(metadata: FileMetaData): DecimalScales {
  const scales = new Map<object, number>()
  for (const element of metadata.schema) {
    const logical = element.logical_type
    if (element.converted_type !== 'DECIMAL' && logical?.type !== 'DECIMAL') continue
    scales.set(element, element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0))
    delete element.converted_type
    delete element.logical_type
  }
  return scales
}

/**
 * Puts a value of a column into a row: numbers as JSON has them, single precision as the shortest decimal that it stands for
 * (0.3, not 0.30000001192092896), decimals and large integers with their exact text, what is missing as null.
 */
export function setValue(
  row: Record<string, unknown>,
  key: string,
  value: unknown,
  node: SchemaTree,
  scales: DecimalScales,
): void {
  const text = exactNumber(value, node, scales)
  const plain = text === null ? plainValue(value, node, scales) : plainNumber(text)
  Object.defineProperty(row, key, { value: plain, writable: true, enumerable: true, configurable: true })
  if (text !== null && String(plain) !== text) keepExactText(row, key, text)
}

/** The text of a decimal or an integer of 64 bits; null for any other value. */
function exactNumber(value: unknown, node: SchemaTree, scales: DecimalScales): string | null {
  const scale = scales.get(node.element)
  if (scale === undefined) return typeof value === 'bigint' ? String(value) : null
  if (value instanceof Uint8Array) return withPoint(signedInteger(value), scale)
  return typeof value === 'bigint' || typeof value === 'number' ? withPoint(BigInt(value), scale) : null
}

function plainValue(value: unknown, node: SchemaTree, scales: DecimalScales): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'number') return plainFloat(value, node)
  if (value instanceof Uint8Array) {
    return node.element.type === 'BYTE_ARRAY' && scales.get(node.element) === undefined ? textOrBytes(value) : value
  }
  if (Array.isArray(value)) return value.map((item: unknown) => plainItem(item, itemNode(node), scales))
  if (!isJsonObject(value) || value instanceof Date || ArrayBuffer.isView(value)) return value
  const object: Record<string, unknown> = {}
  for (const [key, entry] of Object.entries(value)) setValue(object, key, entry, fieldNode(node, key), scales)
  return object
}

function plainItem(item: unknown, node: SchemaTree, scales: DecimalScales): unknown {
  const text = exactNumber(item, node, scales)
  return text === null ? plainValue(item, node, scales) : plainNumber(text)
}

/** What a list is a list of: in the usual layout two levels down. */
function itemNode(node: SchemaTree): SchemaTree {
  const repeated = isListLike(node) ? node.children[0] : node
  return (isListLike(node) ? repeated?.children[0] : undefined) ?? repeated ?? node
}

function fieldNode(node: SchemaTree, key: string): SchemaTree {
  if (isMapLike(node)) return node.children[0]?.children[1] ?? node
  return node.children.find(({ element }) => element.name === key) ?? node
}

function plainFloat(value: number, { element }: SchemaTree): number {
  if (Number.isSafeInteger(value)) return value
  if (element.type === 'FLOAT') return shortest(value, Math.fround)
  return element.logical_type?.type === 'FLOAT16' ? shortest(value, roundToHalf) : value
}

/** The number with the fewest digits that has this value when it is rounded. */
function shortest(value: number, round: (value: number) => number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (round(candidate) === value) return candidate
  }
  return value
}

function roundToHalf(value: number): number {
  return float16ToFloat32(float32ToFloat16(Float32Array.of(value)))[0]!
}

/** Bytes without a type, which old writers use for text, and others for pictures. */
function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes
  }
}

/** Big endian, in two's complement. */
function signedInteger(bytes: Uint8Array): bigint {
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  return BigInt.asIntN(bytes.length * 8, value)
}

function withPoint(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  const sign = value < 0n ? '-' : ''
  return scale <= 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** A field of a protobuf message: a number, or the bytes of a string, a message or a list of numbers. */
export interface Field {
  readonly field: number
  /** Of a number; 0 for bytes. */
  readonly value: number
  /** Empty for a number. */
  readonly bytes: Uint8Array
  readonly isBytes: boolean
}

const none = new Uint8Array()

/** The fields of a message in their order. Throws a RangeError where it is none. */
export function fields(
  message: Uint8Array, // [bytes]
): Field[] {
  const found: Field[] = []
  const reader = { bytes: message, at: 0 }
  while (reader.at < message.length) {
    const tag = varint(reader)
    const field = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        found.push({ field, value: varint(reader), bytes: none, isBytes: false })
        break
      case 2:
        found.push({ field, value: 0, bytes: take(reader, varint(reader)), isBytes: true })
        break
      case 1:
        take(reader, 8)
        break
      case 5:
        take(reader, 4)
        break
      default:
        throw new RangeError(`a field has type ${tag % 8}`)
    }
  }
  return found
}

/** The numbers of a packed list. Throws a RangeError where it is none. */
export function numbers(list: Uint8Array): number[] {
  const found: number[] = []
  const reader = { bytes: list, at: 0 }
  while (reader.at < list.length) found.push(varint(reader))
  return found
}

interface Reader {
  readonly bytes: Uint8Array
  at: number
}

function take(reader: Reader, count: number): Uint8Array {
  const end = reader.at + count
  if (end > reader.bytes.length) throw new RangeError(`a field ends at ${end} of ${reader.bytes.length} bytes`)
  const taken = reader.bytes.subarray(reader.at, end)
  reader.at = end
  return taken
}

/** A number of at most 64 bits; exact up to 2^53. */
function varint(reader: Reader): number {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = take(reader, 1)[0]!
    value += (byte % 128) * scale
    if (byte < 128) return value
    if (scale > 2 ** 63) throw new RangeError('a number has more than 64 bits')
  }
}

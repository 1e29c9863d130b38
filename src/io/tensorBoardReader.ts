import { FileFormatError } from '../errors.js'
import { maskedCrc32c } from './crc32c.js'
import { FileReader } from './fileReader.js'

/** Length of a record, as 64 bits, and its checksum; a record of scalars has some hundred bytes. */
const HEADER_BYTES = 12
const CHECKSUM_BYTES = 4
const MAX_RECORD_BYTES = 256 * 1024 * 1024

/** A number that was logged. */
export interface Scalar {
  readonly step: number
  /** `train/reward` */
  readonly tag: string
  readonly value: number
}

/**
 * Reads the scalars of an event file of TensorBoard, as PyTorch's `SummaryWriter.add_scalar` writes them; what else it holds is passed
 * over. A last record that is cut, of a writer that was killed, ends it. Throws a FileFormatError for a record whose checksum is wrong.
 */
export function* readScalars(file: string): Generator<Scalar> {
  const reader = new FileReader(file)
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    for (let position = 0; position + HEADER_BYTES <= reader.size;) {
      reader.read(header, position)
      const length = Number(header.readBigUInt64LE())
      if (header.readUInt32LE(8) !== maskedCrc32c(header.subarray(0, 8))) {
        throw new FileFormatError(
          file,
          `is no event file of TensorBoard, or damaged: the checksum at byte ${position} is wrong`,
        )
      }
      if (length > MAX_RECORD_BYTES)
        throw new FileFormatError(file, `has a record of ${length} bytes at byte ${position}`)
      position += HEADER_BYTES
      if (position + length + CHECKSUM_BYTES > reader.size) return
      const record = Buffer.alloc(length + CHECKSUM_BYTES)
      reader.read(record, position)
      const data = record.subarray(0, length)
      if (record.readUInt32LE(length) !== maskedCrc32c(data)) {
        throw new FileFormatError(file, `is damaged: the checksum of the record at byte ${position} is wrong`)
      }
      position += length + CHECKSUM_BYTES
      yield* scalarsOf(file, data)
    }
  } finally {
    reader.close()
  }
}

/** Field 2 of an event is its step, field 5 its summary, whose fields 1 are values: of these field 1 is the tag, field 2 a float. */
function* scalarsOf(file: string, event: Buffer): Generator<Scalar> {
  const step = [...fieldsOf(file, event)].find(({ field }) => field === 2)?.value ?? 0
  for (const { field, bytes: summary } of fieldsOf(file, event)) {
    if (field !== 5 || summary === null) continue
    for (const { field: kind, bytes } of fieldsOf(file, summary)) {
      if (kind !== 1 || bytes === null) continue
      const fields = [...fieldsOf(file, bytes)]
      const tag = fields.find(({ field: part }) => part === 1)?.bytes
      const value = fields.find(({ field: part, bits }) => part === 2 && bits !== null)?.bits
      if (tag != null && value != null) yield { step, tag: tag.toString('utf8'), value: value.readFloatLE() }
    }
  }
}

interface Field {
  readonly field: number
  /** Of a varint. */
  readonly value: number | null
  /** Of text, bytes and messages. */
  readonly bytes: Buffer | null
  /** Of numbers of 32 bits. */
  readonly bits: Buffer | null
}

/** The fields of a message of protocol buffers. */
function* fieldsOf(file: string, message: Buffer): Generator<Field> {
  let position = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = message[position++]
      if (byte === undefined || factor > 2 ** 63) throw new FileFormatError(file, 'holds an event that ends too soon')
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  const take = (length: number): Buffer => {
    if (position + length > message.length) throw new FileFormatError(file, 'holds an event that ends too soon')
    position += length
    return message.subarray(position - length, position)
  }
  while (position < message.length) {
    const key = varint()
    const field = Math.floor(key / 8)
    const none = { field, value: null, bytes: null, bits: null }
    const kind = key % 8
    if (kind === 0) yield { ...none, value: varint() }
    else if (kind === 1) {
      take(8)
      yield none
    } else if (kind === 2) yield { ...none, bytes: take(varint()) }
    else if (kind === 5) yield { ...none, bits: take(4) }
    else throw new FileFormatError(file, `holds an event with a field of the unknown kind ${kind}`)
  }
}

import { isUtf8 } from 'node:buffer'
import { ConfigError, FileFormatError } from '../errors.js'
import { quote } from './json.js'

const BYTE_ORDER_MARKS: readonly { readonly bytes: readonly number[]; readonly encoding: string }[] = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  // Before UTF-16, whose mark is the beginning of this one.
  { bytes: [0xff, 0xfe, 0x00, 0x00], encoding: 'utf-32le' },
  { bytes: [0x00, 0x00, 0xfe, 0xff], encoding: 'utf-32be' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
]
const NULS_LOOKED_FOR_IN = 1024
const NEWLINE = 10

/** Throws a ConfigError unless `encoding` is a label of the Encoding standard, which is what TextDecoder knows. */
export function checkEncoding(encoding: string): void {
  try {
    new TextDecoder(encoding)
  } catch (cause) {
    throw new ConfigError(
      `encoding is '${encoding}'; expected a label of the Encoding standard, such as utf-8, utf-16le, windows-1252, ` +
        'gb18030 or shift_jis',
      { cause },
    )
  }
}

/**
 * The bytes of a text file as UTF-8 without a byte order mark. Without `encoding` a text in UTF-16 is known by its mark;
 * anything else passes as it is, to be checked by {@link decodeUtf8}. Throws a FileFormatError for a text that is not in the
 * encoding.
 */
export async function* asUtf8(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  encoding?: string,
): AsyncGenerator<Uint8Array> {
  let start: Uint8Array = new Uint8Array()
  let decode: ((bytes?: Uint8Array) => Uint8Array) | null = null
  for await (const chunk of chunks) {
    if (decode !== null) yield decode(chunk)
    else {
      start = start.length === 0 ? chunk : Buffer.concat([start, chunk])
      if (start.length < NULS_LOOKED_FOR_IN) continue
      decode = decoderOf(file, start, encoding)
      yield decode(start)
    }
  }
  if (decode === null) yield (decode = decoderOf(file, start, encoding))(start)
  yield decode()
}

/** As {@link asUtf8} and {@link decodeUtf8}, for a whole file. */
export function decodeText(file: string, bytes: Uint8Array, encoding?: string): string {
  const decode = decoderOf(file, bytes, encoding)
  const utf8 = Buffer.concat([decode(bytes), decode()])
  if (isUtf8(utf8)) return utf8.toString('utf8')
  let line = 1
  const end = invalidByteOf(utf8)
  for (let i = 0; i < end; i++) if (utf8[i] === NEWLINE) line++
  return decodeUtf8(`${file}:${line}`, utf8.subarray(utf8.lastIndexOf(NEWLINE, end) + 1))
}

/** UTF-8 as text. Throws a FileFormatError, which names the byte and what helps, for anything else. */
export function decodeUtf8(where: string, bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (isUtf8(buffer)) return buffer.toString('utf8')
  const at = invalidByteOf(buffer)
  const before = buffer.subarray(0, at).toString('utf8').slice(-20)
  throw new FileFormatError(
    where,
    `is not UTF-8: byte 0x${buffer[at]!.toString(16)} after ${quote(before)}. It may be Windows-1252 (Latin-1) or ` +
      'another older encoding: name it (encoding: windows-1252, --encoding), or convert the file: iconv -f WINDOWS-1252 -t UTF-8',
  )
}

/** Makes a function that takes a text piece by piece, and once without argument at its end. */
function decoderOf(file: string, start: Uint8Array, encoding?: string): (bytes?: Uint8Array) => Uint8Array {
  const mark = BYTE_ORDER_MARKS.find(({ bytes }) => bytes.every((byte, i) => byte === start[i]))
  // As browsers decide it: a mark says more than a label.
  const name = mark?.encoding ?? new TextDecoder(encoding).encoding
  if (name.startsWith('utf-32')) {
    throw new FileFormatError(
      file,
      `is in ${name.toUpperCase()}; expected UTF-8 or UTF-16: convert it (iconv -f UTF-32 -t UTF-8)`,
    )
  }
  if (name === 'utf-8') {
    if (mark === undefined) refuseNuls(file, start)
    let skipped = mark?.encoding === 'utf-8' ? mark.bytes.length : 0
    return (bytes = new Uint8Array()) => {
      const rest = bytes.subarray(skipped)
      skipped = Math.max(0, skipped - bytes.length)
      return rest
    }
  }
  const decoder = new TextDecoder(name, { fatal: true })
  return (bytes) => {
    try {
      return Buffer.from(bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true }))
    } catch (cause) {
      const why = mark === undefined ? 'the encoding that was asked for' : 'as its byte order mark says'
      throw new FileFormatError(file, `is not ${name} (${why}): it is damaged or in another encoding`, { cause })
    }
  }
}

/** ASCII in UTF-16 without a mark is valid UTF-8, with a NUL at every other byte. */
function refuseNuls(file: string, start: Uint8Array): void {
  const looked = start.subarray(0, NULS_LOOKED_FOR_IN)
  const nuls = [0, 0]
  looked.forEach((byte, i) => {
    if (byte === 0) nuls[i % 2]!++
  })
  const [even = 0, odd = 0] = nuls
  if (even + odd === 0) return
  if (Math.max(even, odd) < looked.length / 4 || Math.min(even, odd) > looked.length / 8) {
    throw new FileFormatError(file, 'holds NUL bytes, which no text does; expected text in UTF-8')
  }
  const name = odd > even ? 'utf-16le' : 'utf-16be'
  throw new FileFormatError(
    file,
    `looks like UTF-16 without a byte order mark: name it (encoding: ${name}, --encoding), or convert the file: iconv -f ` +
      `${name.toUpperCase()} -t UTF-8`,
  )
}

/** Index of the first byte that is not part of valid UTF-8. */
function invalidByteOf(bytes: Buffer): number {
  const text = bytes.toString('utf8')
  const replaced = Buffer.from(text)
  // The two are equal up to there: the replacement character begins with 0xef, which the invalid byte may be as well.
  let at = 0
  while (at < bytes.length && bytes[at] === replaced[at]) at++
  while (at > 0 && !isUtf8(bytes.subarray(0, at))) at--
  return Math.min(at, bytes.length - 1)
}

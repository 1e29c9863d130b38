import { GrpoError } from '../../src/errors.js'

/** Sound of one channel, as 16-bit samples. */
export interface Sound {
  readonly rate: number
  readonly samples: Int16Array
}

/** Reads a WAV file of one channel of 16-bit PCM. Throws a GrpoError for any other; `where` is named in it. */
export function readWav(bytes: Buffer, where: string): Sound {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
    throw new GrpoError(`${where}: is no WAV file`)
  }
  let rate = 0
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = bytes.toString('latin1', at, at + 4)
    // A synthesiser that writes to a pipe does not know the length, and writes the largest one.
    const size = Math.min(bytes.readUInt32LE(at + 4), bytes.length - at - 8)
    const body = bytes.subarray(at + 8, at + 8 + size)
    if (name === 'fmt ') {
      const [format, channels, bits] = [body.readUInt16LE(0), body.readUInt16LE(2), body.readUInt16LE(14)]
      if (![1, 0xfffe].includes(format) || channels !== 1 || bits !== 16) {
        throw new GrpoError(
          `${where}: expected one channel of 16-bit PCM, got format ${format}, ${channels} channels, ${bits} bits`,
        )
      }
      rate = body.readUInt32LE(4)
    }
    if (name === 'data') {
      const samples = new Int16Array(size >> 1)
      for (let i = 0; i < samples.length; i++) samples[i] = body.readInt16LE(2 * i)
      return { rate, samples }
    }
    at += 8 + size + (size & 1)
  }
  throw new GrpoError(`${where}: holds no sound`)
}

/** A WAV file. */
export function writeWav({ rate, samples }: Sound): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + 2 * samples.length, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(2 * rate, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(2 * samples.length, 40)
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)])
}

/** The samples between the silence before and behind what is said. */
export function trimSilence({ rate, samples }: Sound): Sound {
  const isLoud = (sample: number): boolean => Math.abs(sample) > 200
  const first = samples.findIndex(isLoud)
  if (first < 0) return { rate, samples: new Int16Array(0) }
  return { rate, samples: samples.slice(first, samples.findLastIndex(isLoud) + 1) }
}

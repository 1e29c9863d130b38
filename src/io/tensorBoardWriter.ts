import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DataError } from '../errors.js'
import { appendFully, asWriteError } from './atomicWrite.js'
import { maskedCrc32c } from './crc32c.js'

/** Makes the names of the files that one process writes in the same second differ. */
let filesOpened = 0

/**
 * Writes an event file that TensorBoard shows: `tensorboard --logdir FOLDER`. A run that goes on writes another file into the
 * same folder; what earlier files hold from its first step on is then dropped by TensorBoard, so that a resumed run is one curve.
 *
 * The file holds TFRecords (length, its CRC, data, its CRC) of `tensorflow.Event` messages:
 * https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
 */
export class TensorBoardWriter {
  /** The event file. */
  readonly file: string
  #descriptor: number | null
  #started = false

  /** Makes the folder where it is missing. Throws a GrpoError when the operating system refuses. */
  constructor(folder: string) {
    const seconds = Math.floor(Date.now() / 1000)
    const name = `events.out.tfevents.${seconds}.${os.hostname()}.${process.pid}.${filesOpened++}`
    this.file = path.join(folder, name)
    try {
      fs.mkdirSync(folder, { recursive: true })
      this.#descriptor = fs.openSync(this.file, 'ax')
    } catch (error) {
      throw asWriteError(this.file, error)
    }
    this.#write([float64(1, wallTime()), text(3, 'brain.Event:2')])
  }

  /** Adds the values of a step, by their tags: `train/reward`. They are kept as 32-bit floats. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    if (!this.#started) {
      // SessionLog.START: files that were written before this one end at this step.
      this.#write([float64(1, wallTime()), integer(2, step), message(7, [integer(1, 1)])])
      this.#started = true
    }
    const summary = Object.entries(values).map(([tag, value]) => message(1, [text(1, tag), float32(2, value)]))
    this.#write([float64(1, wallTime()), integer(2, step), message(5, summary)])
  }

  /** Closes the file; it is whole without that too. */
  close(): void {
    if (this.#descriptor !== null) fs.closeSync(this.#descriptor)
    this.#descriptor = null
  }

  /** Adds an event as a TFRecord. */
  #write(fields: readonly Uint8Array[]): void {
    if (this.#descriptor === null) throw new DataError(`${this.file}: was closed before this event was written`)
    const data = Buffer.concat(fields)
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(data.length))
    appendFully(this.file, this.#descriptor, Buffer.concat([length, checksum(length), data, checksum(data)]))
  }
}

function wallTime(): number {
  return Date.now() / 1000
}

function checksum(data: Uint8Array): Buffer {
  const masked = Buffer.alloc(4)
  masked.writeUInt32LE(maskedCrc32c(data))
  return masked
}

// The fields of protocol buffers: number and wire type, then the value.

function integer(field: number, value: number): Uint8Array {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function float64(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([varint((field << 3) | 1), bytes])
}

function float32(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([varint((field << 3) | 5), bytes])
}

function text(field: number, value: string): Uint8Array {
  return message(field, [Buffer.from(value)])
}

function message(field: number, fields: readonly Uint8Array[]): Uint8Array {
  const length = fields.reduce((sum, bytes) => sum + bytes.length, 0)
  return Buffer.concat([varint((field << 3) | 2), varint(length), ...fields])
}

/** A whole number from 0 to 2^53 − 1, seven bits a byte, the lowest first. */
function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return Uint8Array.from([...bytes, value])
}

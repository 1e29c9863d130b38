import fs from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { ShapeError } from '../errors.js'
import { asWriteError, atomicWrite, atomicWriteJson, atomicWriteAsync, writeFully } from './atomicWrite.js'
import type { SafetensorsDtype } from './dtypes.js'
import { bytesPerElement, tensorByteLength } from './dtypes.js'
import { quote } from './json.js'
import { MAX_HEADER_BYTES } from './safetensorsHeader.js'

/** A tensor's elements; as Uint8Array its raw bytes, little endian. */
export type TensorData = Uint8Array | Float32Array | Uint16Array | Int32Array | BigInt64Array

/** A tensor for {@link writeSafetensors}. */
export interface TensorToWrite {
  /** Its key in the file. */
  readonly name: string
  /** As the format spells it: F32, BF16, … */
  readonly dtype: SafetensorsDtype
  /** Empty for a single number. */
  readonly shape: readonly number[]
  /** The elements, or a function that is called when their turn comes, so that only one tensor need be in memory. */
  readonly data: TensorData | (() => TensorData)
}

/**
 * Writes a safetensors file, atomically. As the official library does it, tensors are laid out by element size (largest
 * first), then by name, and the header is padded with spaces so that each is aligned. `metadata` is added to `{ format:
 * 'pt' }`, without which transformers refuses a file. Throws a ShapeError when data, dtype and shape disagree.
 */
export function writeSafetensors(
  file: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const sorted = inFileOrder(tensors)
  const header = encodeHeader(sorted, metadata)
  atomicWrite(file, (descriptor) => {
    writeFully(descriptor, header)
    for (const tensor of sorted) writeFully(descriptor, bytesOf(tensor))
  })
}

/** By element size, largest first, then by name. */
function inFileOrder(tensors: Iterable<TensorToWrite>): TensorToWrite[] {
  return [...tensors].sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype] || (a.name < b.name ? -1 : 1))
}

/**
 * Writes tensors as transformers saves a model: `<base>.safetensors` when they take at most `maxShardBytes`, else
 * shards of at most that size (a larger tensor has one to itself) and `<base>.safetensors.index.json`. An earlier save
 * of the same base is replaced once all is written; its files that no longer belong are removed. `base` defaults to
 * 'model', `maxShardBytes` to 5e9. With `order: 'given'` the tensors of a file are laid out as they come, aligned or not, instead of
 * by element size and name. An aborted signal ends it between two tensors with its reason.
 */
export async function writeShardedSafetensors(
  folder: string,
  tensors: Iterable<TensorToWrite>,
  options: {
    base?: string
    maxShardBytes?: number
    metadata?: Readonly<Record<string, string>>
    order?: 'size' | 'given'
    signal?: AbortSignal | undefined
  } = {},
): Promise<void> {
  const { base = 'model', maxShardBytes = 5e9, metadata, order = 'size', signal } = options
  const shards = splitIntoShards(tensors, maxShardBytes)
  const count = shards.length.toString().padStart(5, '0')
  const files = shards.map((_, i) => `${base}-${(i + 1).toString().padStart(5, '0')}-of-${count}.safetensors`)
  if (files.length === 1) files[0] = `${base}.safetensors`
  const entries = shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i]!] as const))
  checkUnique(entries.map(([name]) => name))

  const staging = createStagingFolder(folder, base)
  try {
    for (const [i, shard] of shards.entries()) {
      const sorted = order === 'given' ? shard : inFileOrder(shard)
      const header = encodeHeader(sorted, metadata)
      await atomicWriteAsync(path.join(staging, files[i]!), async (descriptor) => {
        writeFully(descriptor, header)
        for (const tensor of sorted) {
          // Without this, Ctrl-C would have no turn until all is written.
          await setImmediate()
          signal?.throwIfAborted()
          writeFully(descriptor, bytesOf(tensor))
        }
      })
    }
    if (shards.length > 1) {
      const totalSize = shards.flat().reduce((sum, tensor) => sum + byteLengthOf(tensor), 0)
      const index = { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(entries) }
      files.push(`${base}.safetensors.index.json`)
      atomicWriteJson(path.join(staging, files.at(-1)!), index)
    }
    replaceModel(folder, base, staging, files)
  } catch (error) {
    throw asWriteError(folder, error)
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}

function encodeHeader(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  checkUnique(tensors.map(({ name }) => name))
  const entries: [string, unknown][] = [['__metadata__', { format: 'pt', ...metadata }]]
  let begin = 0
  for (const tensor of tensors) {
    const end = begin + byteLengthOf(tensor)
    entries.push([tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] }])
    begin = end
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Math.ceil(json.length / 8) * 8
  if (length > MAX_HEADER_BYTES) {
    throw new ShapeError(
      `the header takes ${length} bytes; a safetensors file may have ${MAX_HEADER_BYTES}, write shards`,
    )
  }
  const header = Buffer.alloc(8 + length, ' ')
  header.writeBigUInt64LE(BigInt(length))
  json.copy(header, 8)
  return header
}

function checkUnique(names: readonly string[]): void {
  const seen = new Set(['__metadata__'])
  for (const name of names) {
    if (seen.has(name)) throw new ShapeError(`tensor ${quote(name)}: the name is taken; expected each name once`)
    seen.add(name)
  }
}

function byteLengthOf({ name, dtype, shape }: TensorToWrite): number {
  const bytes = tensorByteLength(dtype, shape)
  if (bytes !== undefined) return bytes
  throw new ShapeError(`tensor ${quote(name)}: cannot write ${dtype} of shape ${quote(shape)}; expected integers >= 0`)
}

/** Array types in which a dtype's elements may be given, besides Uint8Array for the raw bytes of any dtype. */
const elementArrays: Partial<Record<SafetensorsDtype, new (length: number) => TensorData>> = {
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  U16: Uint16Array,
  I32: Int32Array,
  I64: BigInt64Array,
}

function bytesOf(tensor: TensorToWrite): Uint8Array {
  const { name, dtype, shape } = tensor
  const data = typeof tensor.data === 'function' ? tensor.data() : tensor.data
  const elements = elementArrays[dtype]
  if (!(data instanceof Uint8Array) && !(elements && data instanceof elements)) {
    const expected = elements ? `${elements.name} or Uint8Array` : 'Uint8Array'
    throw new ShapeError(
      `tensor ${quote(name)}: data is a ${data.constructor.name}; ${dtype} is written from ${expected}`,
    )
  }
  if (data.byteLength !== byteLengthOf(tensor)) {
    throw new ShapeError(
      `tensor ${quote(name)}: data has ${data.byteLength} bytes; ` +
        `${dtype} of shape ${quote(shape)} takes ${byteLengthOf(tensor)}`,
    )
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** In the given order, a new shard whenever the next tensor would exceed the limit. */
function splitIntoShards(tensors: Iterable<TensorToWrite>, maxShardBytes: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [[]]
  let shardBytes = 0
  for (const tensor of tensors) {
    const bytes = byteLengthOf(tensor)
    if (shardBytes + bytes > maxShardBytes && shards.at(-1)!.length > 0) {
      shards.push([])
      shardBytes = 0
    }
    shards.at(-1)!.push(tensor)
    shardBytes += bytes
  }
  return shards
}

/** A folder for the new files, so that a full disk or failing data cost nothing of an earlier save. */
function createStagingFolder(folder: string, base: string): string {
  try {
    return fs.mkdtempSync(path.join(folder, `.${base}-`))
  } catch (error) {
    throw asWriteError(folder, error)
  }
}

function replaceModel(folder: string, base: string, staging: string, files: readonly string[]): void {
  const single = `${base}.safetensors`
  const index = `${single}.index.json`
  // While shards are replaced one by one, an earlier index would describe a mixture of two models.
  fs.rmSync(path.join(folder, index), { force: true })
  for (const name of files) fs.renameSync(path.join(staging, name), path.join(folder, name))
  for (const name of fs.readdirSync(folder)) {
    const isShard = name.startsWith(`${base}-`) && /^-\d{5}-of-\d{5}\.safetensors$/.test(name.slice(base.length))
    if ((isShard || name === single) && !files.includes(name)) fs.rmSync(path.join(folder, name))
  }
}

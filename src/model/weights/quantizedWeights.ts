import { FileFormatError } from '../../errors.js'
import { quote } from '../../io/json.js'
import { Safetensors } from '../../io/safetensors.js'
import type { SafetensorsDtype } from '../../io/dtypes.js'
import type { MatrixSource } from '../../quantization/matrixSource.js'
import { GROUP_MULTIPLE } from '../../quantization/weightFormat.js'
import type { ModelConfig } from '../config.js'
import { expectedTensors } from '../modelTensors.js'
import { floatMatrix } from './floatWeights.js'
import type { ModelWeights } from './modelWeights.js'

/** A matrix that a file holds as several tensors: codes, scales and what else is needed to read them. */
export interface StoredMatrix {
  readonly shape: readonly [out: number, width: number]
  /** Names of the tensors. */
  readonly parts: readonly string[]
  /** Reads nothing large before the source is read. */
  open(): Omit<MatrixSource, 'name' | 'shape' | 'storedBytes'>
}

/**
 * Opens a safetensors model some of whose matrices are quantised.
 * @throws FileFormatError also where none is, UnsupportedError
 */
export function openQuantizedWeights(
  folder: string,
  /** As config.json says it, for messages. */
  method: string,
  /** By the name that the matrix would have if it were not quantised. */
  matricesOf: (tensors: Safetensors) => ReadonlyMap<string, StoredMatrix>,
  /** In words, see {@link ModelWeights.quantization}; asked for where some matrix is quantised. */
  describe: (tensors: Safetensors) => string,
): ModelWeights {
  const tensors = Safetensors.open(folder)
  try {
    const matrices = matricesOf(tensors)
    checkSomeQuantized(tensors, method, matrices)
    return quantizedWeights(tensors, describe(tensors), matrices)
  } catch (error) {
    tensors.close()
    throw error
  }
}

/** The matrices of GPTQ and AWQ: of all modules that have a `qweight`, zero biases that the model does not have among their parts. */
export function qweightMatrices(
  tensors: Safetensors,
  config: ModelConfig,
  matrixOf: (module: string) => StoredMatrix,
): Map<string, StoredMatrix> {
  const expected = expectedTensors(config)
  return new Map(
    modulesWith(tensors, '.qweight').map((module) => {
      const matrix = matrixOf(module)
      return [`${module}.weight`, { ...matrix, parts: [...matrix.parts, ...zeroBias(tensors, module, expected)] }]
    }),
  )
}

/** The weights of a safetensors model some of whose matrices are quantised; all others are floats. */
function quantizedWeights(
  tensors: Safetensors,
  /** In words, see {@link ModelWeights.quantization}. */
  quantization: string,
  /** By the name that the matrix would have if it were not quantised. */
  matrices: ReadonlyMap<string, StoredMatrix>,
): ModelWeights {
  const parts = new Set([...matrices.values()].flatMap((matrix) => matrix.parts))
  const floats = tensors.names().filter((name) => !parts.has(name))
  // Opening may read zero points and codebooks, and a matrix is asked for several times: how large it is, in what format, and to load it.
  const sources = new Map<string, MatrixSource>()
  const open = (name: string, stored: StoredMatrix): MatrixSource => {
    const storedBytes = stored.parts.reduce((sum, part) => sum + tensors.info(part).byteLength, 0)
    return { name, shape: stored.shape, storedBytes, ...stored.open() }
  }
  return {
    source: tensors.source,
    quantization,
    shapes: new Map([
      ...floats.map((name) => [name, tensors.info(name).shape] as const),
      ...[...matrices].map(([name, { shape }]) => [name, shape] as const),
    ]),
    vector: (name) => tensors.readFloat32(name),
    matrix: (name) => {
      const stored = matrices.get(name)
      if (stored === undefined) return floatMatrix(tensors, name)
      const source = sources.get(name) ?? open(name, stored)
      sources.set(name, source)
      return source
    },
    close: () => {
      tensors.close()
    },
  }
}

/** Throws a FileFormatError where config.json says that weights are quantised and no tensor is. */
function checkSomeQuantized(tensors: Safetensors, method: string, matrices: ReadonlyMap<string, unknown>): void {
  if (matrices.size > 0) return
  throw new FileFormatError(
    tensors.source,
    `config.json says that the weights are quantised (${method}), but no tensor is; if they are floats, remove quantization_config`,
  )
}

/** Checks a tensor that a quantised matrix is made of. Throws a FileFormatError that names it. */
export function checkPart(
  tensors: Safetensors,
  name: string,
  dtype: SafetensorsDtype | 'float',
  shape: readonly number[],
): void {
  const found = tensors.info(name)
  const fits = dtype === 'float' ? floats.includes(found.dtype) : found.dtype === dtype
  if (fits && found.shape.join() === shape.join()) return
  const expected = `${dtype === 'float' ? floats.join(' or ') : dtype} and [${shape.join(', ')}]`
  throw partError(tensors, name, `has dtype ${found.dtype} and shape [${found.shape.join(', ')}]; expected ${expected}`)
}

const floats: readonly SafetensorsDtype[] = ['F32', 'F16', 'BF16']

/** An error that names a tensor and its file. */
export function partError(tensors: Safetensors, name: string, problem: string): FileFormatError {
  return new FileFormatError(tensors.fileOf(name), `tensor ${quote(name)} ${problem}`)
}

/** The size of the one group of an output that has a single scale. */
export function wholeRow(width: number): number {
  return Math.max(1, Math.ceil(width / GROUP_MULTIPLE)) * GROUP_MULTIPLE
}

/** The words of an I32 tensor. */
export function readWords(tensors: Safetensors, name: string): Int32Array {
  return new Int32Array(tensors.read(name).buffer)
}

/** The modules that have a tensor with this end of its name. */
export function modulesWith(tensors: Safetensors, end: string): string[] {
  return tensors.names().flatMap((name) => (name.endsWith(end) ? [name.slice(0, -end.length)] : []))
}

/** The name of a bias that the model does not have and that changes nothing: old tools wrote one for every layer. */
function zeroBias(tensors: Safetensors, module: string, expected: ReadonlyMap<string, unknown>): string[] {
  const name = `${module}.bias`
  if (!tensors.has(name) || expected.has(name)) return []
  return tensors.readFloat32(name).every((value) => value === 0) ? [name] : []
}

/** `4 bits, groups of 128` */
export function describeGroups({ bits, groupSize }: { bits: number; groupSize: number | null }): string {
  return `${bits} bits, ${groupSize === null ? 'a scale for every output' : `groups of ${groupSize}`}`
}

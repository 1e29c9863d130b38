import type { MatrixSource } from '../../quantization/matrixSource.js'

/** The tensors of a model by the names that transformers gives them, whatever files hold them. Close it after use. */
export interface ModelWeights {
  /** The folder or file that was opened. */
  readonly source: string
  /** How the file keeps its matrices where they are quantised, such as `NF4 (bitsandbytes)`; null where they are not. */
  readonly quantization: string | null
  /** Shapes by name, as of tensors that are not quantised. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** A vector, in float32. Throws a FileFormatError. */
  vector(name: string): Float32Array
  /** A matrix [out, in], to be read piece by piece. Throws a FileFormatError. */
  matrix(name: string): MatrixSource
  close(): void
}

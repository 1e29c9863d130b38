/**
 * The named errors of grpo-ts. Each message says what failed, what it got, what it expected and what to try.
 */

/** Base class of every error that grpo-ts throws on purpose. */
export class GrpoError extends Error {
  override name = 'GrpoError'
}

/** A file of a model, adapter, tokenizer or run is missing, truncated, corrupt or hostile. */
export class FileFormatError extends GrpoError {
  override name = 'FileFormatError'
  constructor(
    /** The file that was read. */
    readonly file: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${message}`, options)
  }
}

/** A model, adapter or file uses something that grpo-ts does not support; the message names what is supported. */
export class UnsupportedError extends GrpoError {
  override name = 'UnsupportedError'
}

/** An option is unknown, out of range, or contradicts another one. */
export class ConfigError extends GrpoError {
  override name = 'ConfigError'
}

/** A tensor or array has another shape, length or dtype than the operation needs. */
export class ShapeError extends GrpoError {
  override name = 'ShapeError'
}

/** A task's data cannot be used: missing file, malformed row, unknown column. */
export class DataError extends GrpoError {
  override name = 'DataError'
}

/** A grader failed on a completion: its problem cannot be graded, or the grader itself is at fault. */
export class GradingError extends GrpoError {
  override name = 'GradingError'
}

/** An engine cannot be used on this machine, or a tensor does not fit into its memory. */
export class EngineError extends GrpoError {
  override name = 'EngineError'
}

/** A device's memory is too small for a program or an array. The engine computes on with less: smaller batches, shorter sequences. */
export class OutOfDeviceMemoryError extends EngineError {
  override name = 'OutOfDeviceMemoryError'
  constructor(
    message: string,
    /** Bytes that were asked for, where the device says it. */
    readonly bytes: number | null,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** What kind of trouble there was with the Hugging Face Hub; the message says what to do about it. */
export type HubErrorKind =
  | 'gated'
  /** It does not exist, or it is private: the Hub does not say which. */
  | 'repository-not-found'
  | 'revision-not-found'
  | 'entry-not-found'
  | 'unauthorized'
  | 'forbidden'
  | 'disabled'
  | 'offline'
  | 'network'
  | 'integrity'
  | 'http'

/** The Hugging Face Hub refused something, or could not be reached. Neither message nor properties hold a token. */
export class HubError extends GrpoError {
  override name = 'HubError'
  /** The HTTP status, where there was an answer. */
  readonly status: number | null
  constructor(
    /** What kind of trouble it was. */
    readonly kind: HubErrorKind,
    message: string,
    options: ErrorOptions & { status?: number } = {},
  ) {
    super(message, options)
    this.status = options.status ?? null
  }
}

import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { DataError, FileFormatError } from '../errors.js'
import { readJsonLines } from '../io/jsonLines.js'

/** One row of a data file. */
export interface Row {
  /** The line in a JSON lines file, or the row in a parquet file, from 1. */
  readonly line: number
  readonly value: unknown
}

/**
 * Reads the rows of a `.jsonl` or `.parquet` file (any compression that parquet knows) one after another.
 *
 * Throws a {@link DataError} for another kind of file, and an error that names the file for one that cannot be read.
 */
export async function* readRows(file: string): AsyncGenerator<Row> {
  if (file.endsWith('.jsonl')) {
    yield* readJsonLines(file)
  } else if (file.endsWith('.parquet')) {
    let line = 0
    for (const value of await readParquet(file)) yield { line: ++line, value }
  } else {
    throw new DataError(`${file}: cannot tell how to read it; rows come from files named .jsonl or .parquet`)
  }
}

async function readParquet(file: string): Promise<Record<string, unknown>[]> {
  try {
    return await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new FileFormatError(file, `cannot be read as parquet: ${reason}; download it again`, { cause: error })
  }
}

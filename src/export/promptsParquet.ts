import { parquetWriteBuffer } from 'hyparquet-writer'

/** A prompt as text, and the problem that it asks. */
export interface PromptRow {
  readonly prompt: string
  readonly problem_id: string
}

/** Prompts as parquet, which says that they are texts: of JSON `datasets` reads those that look like dates as dates. */
export function promptsParquet(rows: readonly PromptRow[]): Uint8Array {
  const names = ['prompt', 'problem_id'] as const
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: names.map((name) => ({ name, data: rows.map((row) => row[name]), type: 'STRING', nullable: false })),
    }),
  )
}

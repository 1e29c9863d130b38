import { parquetWriteBuffer } from 'hyparquet-writer'
import type { SchemaElement } from 'hyparquet'
import type { ChatMessage } from '../../text/tokenizer.js'

/** A row of verl's data sets. */
export interface VerlRow {
  readonly data_source: string
  /** What the chat template is applied to. */
  readonly prompt: readonly Pick<ChatMessage, 'role' | 'content'>[]
  readonly ability: string
  readonly reward_model: { readonly style: string; readonly ground_truth: string }
  readonly extra_info: { readonly index: number; readonly split: string; readonly problem_id: string }
}

/** Rows as parquet, the conversations as lists of structs, as pyarrow writes them. */
export function verlParquet(rows: readonly VerlRow[]): Uint8Array {
  const buffer = parquetWriteBuffer({
    schema,
    columnData: [
      { name: 'data_source', data: rows.map((row) => row.data_source) },
      { name: 'prompt', data: rows.map((row) => row.prompt) },
      { name: 'ability', data: rows.map((row) => row.ability) },
      { name: 'reward_model', data: rows.map((row) => row.reward_model) },
      { name: 'extra_info', data: rows.map(({ extra_info: info }) => ({ ...info, index: BigInt(info.index) })) },
    ],
  })
  return new Uint8Array(buffer)
}

function text(name: string): SchemaElement {
  return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' }
}

/** Followed by its children. */
function struct(name: string, children: number): SchemaElement {
  return { name, num_children: children, repetition_type: 'REQUIRED' }
}

/** https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists for the lists. */
const schema: SchemaElement[] = [
  { name: 'schema', num_children: 5 },
  text('data_source'),
  { ...struct('prompt', 1), converted_type: 'LIST' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  struct('element', 2),
  text('role'),
  text('content'),
  text('ability'),
  struct('reward_model', 2),
  text('style'),
  text('ground_truth'),
  struct('extra_info', 3),
  { name: 'index', type: 'INT64', repetition_type: 'REQUIRED' },
  text('split'),
  text('problem_id'),
]

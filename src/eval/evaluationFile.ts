import fs from 'node:fs'
import { FileFormatError } from '../errors.js'
import { camelCase, snakeCase } from '../options/names.js'
import { atomicWriteFile } from '../io/atomicWrite.js'
import { isJsonObject, parseJson } from '../io/json.js'
import { parseJsonFields } from '../model/jsonFields.js'
import { EVALUATION_VERSION } from './evaluation.js'
import type { Evaluation } from './evaluation.js'
import { evaluationSchema } from './evaluationSchema.js'

/** Writes an evaluation as JSON, with names in snake_case as in the other files of a run. Throws a GrpoError. */
export function writeEvaluation(file: string, evaluation: Evaluation): void {
  atomicWriteFile(file, formatEvaluationFile(evaluation))
}

/** The content of eval.json. */
export function formatEvaluationFile(evaluation: Evaluation): string {
  return `${JSON.stringify(renameKeys(evaluationSchema.parse(evaluation), snakeCase), null, 2)}\n`
}

/** Reads what {@link writeEvaluation} wrote. Throws a FileFormatError for a file that is missing or not of this form. */
export function readEvaluation(file: string): Evaluation {
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message}); make it with grpo-ts eval`, {
      cause,
    })
  }
  const value = renameKeys(parseJson(file, 'the evaluation', bytes), camelCase)
  const version = isJsonObject(value) ? value.version : undefined
  if (typeof version === 'number' && version !== EVALUATION_VERSION) {
    throw new FileFormatError(
      file,
      `is an evaluation of version ${version}, expected ${EVALUATION_VERSION}; make it again with grpo-ts eval`,
    )
  }
  return parseJsonFields(evaluationSchema, value, file)
}

/** The same JSON value with other names of its fields, at every depth. */
function renameKeys(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [rename(name), renameKeys(item, rename)]))
}

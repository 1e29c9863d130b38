import { z } from 'zod'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { readJsonFile } from '../io/readJsonFile.js'
import { runLayout } from './layout.js'

/** What import.json holds: where a run comes from that another engine has trained. */
export interface ImportFile {
  /** `TRL 1.16.0`: the engine, and its version where its files say it. */
  readonly engine: string
  /** The folder that was read. */
  readonly source: string
  /** ISO 8601. */
  readonly importedAt: string
  /** What could not be read, and what is missing, in sentences. */
  readonly notes: readonly string[]
}

/** What import.json has to be; fields that it does not know are left out. */
const importFileSchema: z.ZodType<ImportFile> = z.object({
  engine: z.string(),
  source: z.string(),
  importedAt: z.string(),
  notes: z.array(z.string()),
})

/** Writes import.json into the folder of a run. Throws a GrpoError. */
export function writeImportFile(folder: string, contents: ImportFile): void {
  atomicWriteJson(runLayout(folder).import, contents)
}

/** Reads import.json of a run. Throws a FileFormatError when it is missing or damaged. */
export function readImportFile(folder: string): ImportFile {
  return readJsonFile(runLayout(folder).import, importFileSchema)
}

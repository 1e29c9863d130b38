import fs from 'node:fs'
import { z } from 'zod'
import { asWriteError, atomicWriteJson } from '../io/atomicWrite.js'
import { readJsonFile } from '../io/readJsonFile.js'
import { runLayout } from './layout.js'

/** One thing that was looked at before training. */
export interface PreflightFileCheck {
  /** What was looked at. */
  readonly name: string
  /** `warning`: training works, but wastes time or quality; `problem`: hardly anything would be learned. */
  readonly status: 'ok' | 'warning' | 'problem'
  /** What was found, with its numbers. */
  readonly message: string
  /** What to change; null where nothing has to be. */
  readonly advice: string | null
  /** The numbers behind it; null stands for NaN and infinities. */
  readonly evidence: Readonly<Record<string, number | null>>
}

/** What preflight.json holds: what was found before a run. */
export interface PreflightFile {
  /** False when a check found a problem. */
  readonly go: boolean
  /** Everything that was looked at. */
  readonly checks: readonly PreflightFileCheck[]
  /**
   * Share of completions that were right (by the reward for correctness; without one, that earned anything); null when the
   * time was too short for four completions.
   */
  readonly passRate: number | null
  /** Expected share of groups of numGenerations that hold right and wrong completions; null as above. */
  readonly usableGroups: number | null
  /** Completion tokens a second. */
  readonly tokensPerSecond: number | null
  /** Of a step. */
  readonly secondsPerStep: number | null
  /** Seconds that the whole run will take. */
  readonly runSeconds: number | null
  /** Memory that the run will need at most. */
  readonly memoryBytes: number
  /** What the preflight itself took. */
  readonly seconds: number
}

/** What preflight.json has to be; fields that it does not know are left out. */
const preflightFileSchema: z.ZodType<PreflightFile> = z.object({
  go: z.boolean(),
  checks: z.array(
    z.object({
      name: z.string(),
      status: z.enum(['ok', 'warning', 'problem']),
      message: z.string(),
      advice: z.string().nullable(),
      evidence: z.record(z.string(), z.number().nullable()),
    }),
  ),
  passRate: z.number().nullable(),
  usableGroups: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  secondsPerStep: z.number().nullable(),
  runSeconds: z.number().nullable(),
  memoryBytes: z.number(),
  seconds: z.number(),
})

/** Writes preflight.json into the folder of a run, which is made if it is missing. Throws a GrpoError. */
export function writePreflight(folder: string, preflight: PreflightFile): void {
  const file = runLayout(folder).preflight
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw asWriteError(file, error)
  }
  atomicWriteJson(file, preflight)
}

/** Reads preflight.json of a run. Throws a FileFormatError when it is missing or damaged. */
export function readPreflight(folder: string): PreflightFile {
  return readJsonFile(runLayout(folder).preflight, preflightFileSchema)
}

import fs from 'node:fs'
import { z } from 'zod'
import { DataError } from '../../src/errors.js'
import { listProblems } from '../../src/io/jsonFields.js'
import { parseYaml } from '../../src/io/yaml.js'

/** What is on the picture while a scene's text is said. */
export type Show =
  | { readonly kind: 'card'; readonly markdown: string }
  | {
      readonly kind: 'notebook'
      /** A heading of the notebook, with its number signs. */
      readonly heading: string
      /** Text of the code cell below the heading; null: the text cell that has the heading. */
      readonly cell: string | null
      /** What of a code cell is shown. */
      readonly part: 'code' | 'output'
      /** Shown while it runs. */
      readonly isRun: boolean
    }
  /** A command that was run, by its name in recording/commands.ts. */
  | { readonly kind: 'terminal'; readonly command: string; readonly isRun: boolean }

/** Some sentences, and what they point at. */
export interface Part {
  readonly say: string
  /** Text on the picture that is marked while they are said; null: the whole picture. */
  readonly point: string | null
}

/** One picture and what is said to it. */
export interface Scene {
  /** `2-3`: the third scene of the second section. */
  readonly id: string
  readonly title: string
  readonly show: Show
  readonly parts: readonly Part[]
}

export interface Section {
  readonly number: number
  readonly title: string
  /** How long it is to be. */
  readonly minutes: number
  readonly scenes: readonly Scene[]
}

/** The one source of the walkthrough: what is shown and said, in which order. */
export interface Script {
  readonly title: string
  /** Said in a sentence or two where the page begins. */
  readonly summary: string
  /** How names are written for a speech synthesiser. */
  readonly pronounce: Readonly<Record<string, string>>
  readonly sections: readonly Section[]
}

const text = z.string().trim().min(1)
const showSchema = z.union(
  [
    z.strictObject({ card: text }),
    z.strictObject({
      notebook: text,
      cell: text.optional(),
      part: z.enum(['code', 'output']).optional(),
      run: z.boolean().optional(),
    }),
    z.strictObject({ terminal: text, run: z.boolean().optional() }),
  ],
  'expected card, notebook (with cell, part, run) or terminal (with run)',
)
const partSchema = z.union([text, z.strictObject({ say: text, point: text.optional() })], 'expected say and point')
const scriptSchema = z.strictObject({
  title: text,
  summary: text,
  pronounce: z.record(z.string(), z.string()),
  sections: z
    .array(
      z.strictObject({
        title: text,
        minutes: z.number().positive(),
        scenes: z
          .array(z.strictObject({ title: text, show: showSchema, say: z.union([text, z.array(partSchema).min(1)]) }))
          .min(1),
      }),
    )
    .min(1),
})

/** Reads the script from a YAML file. Throws a DataError that names every field that is not as it has to be. */
export function readScript(file: string): Script {
  return parseScript(fs.readFileSync(file, 'utf8'), file)
}

/** As {@link readScript}, of a text; `file` is named in errors. */
export function parseScript(yaml: string, file: string): Script {
  let parsed: unknown
  try {
    parsed = parseYaml(yaml)
  } catch (cause) {
    throw new DataError(`${file}: ${(cause as Error).message}`, { cause })
  }
  const result = scriptSchema.safeParse(parsed)
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`)
    throw new DataError(`${file}: ${listProblems(problems)}`)
  }
  const { sections, ...rest } = result.data
  return {
    ...rest,
    sections: sections.map(({ scenes, ...section }, i) => ({
      ...section,
      number: i + 1,
      scenes: scenes.map(({ title, show, say }, j) => ({
        id: `${i + 1}-${j + 1}`,
        title,
        show: asShow(show),
        parts: [say].flat().map((part) => {
          const { say: said, point } = typeof part === 'string' ? { say: part } : part
          return { say: inOneLine(said), point: point ?? null }
        }),
      })),
    })),
  }
}

function asShow(show: z.infer<typeof showSchema>): Show {
  if ('card' in show) return { kind: 'card', markdown: show.card }
  if ('terminal' in show) return { kind: 'terminal', command: show.terminal, isRun: show.run ?? false }
  const { notebook, cell, part, run } = show
  return { kind: 'notebook', heading: notebook, cell: cell ?? null, part: part ?? 'code', isRun: run ?? false }
}

const inOneLine = (said: string): string => said.replace(/\s+/g, ' ').trim()

/** All scenes, in order. */
export function scenesOf(script: Script): Scene[] {
  return script.sections.flatMap(({ scenes }) => scenes)
}

import fs from 'node:fs'
import path from 'node:path'
import { atomicWriteFile, atomicWriteJson } from '../../src/io/atomicWrite.js'
import { readJson } from '../../src/io/readJsonFile.js'
import { formatPage } from './page.js'
import type { Recorded } from './page.js'
import { fillScript } from './placeholders.js'
import { readScript } from './script.js'
import type { Script } from './script.js'
import { makeTimeline } from './timeline.js'
import type { Timeline } from './timeline.js'
import { formatCaptions, formatChapters } from './webVtt.js'

const root = path.resolve(import.meta.dirname, '../..')

/** The one source. */
export const SCRIPT = path.join(root, 'walkthrough/script.yaml')
/** What the last recording found. */
export const RECORDED = path.join(root, 'walkthrough/recorded.json')

/** The files that are made of the script and of what the last recording found, by their paths in the repository. */
export function textFiles(script: Script, recorded: Recorded): Record<string, string> {
  const { filled, timeline } = fillAndTime(script, recorded)
  return {
    'docs/walkthrough.md': formatPage(filled, timeline, recorded),
    'docs/walkthrough.vtt': formatCaptions(timeline),
    'docs/walkthrough.chapters.vtt': formatChapters(timeline),
  }
}

/** The script with the figures of a recording, and when it is said. */
export function fillAndTime(
  script: Script,
  { figures }: Pick<Recorded, 'figures'>,
): { filled: Script; timeline: Timeline } {
  const filled = fillScript(script, figures)
  return { filled, timeline: makeTimeline(filled) }
}

/** Writes {@link textFiles} below `folder`, and the recording's findings beside them where they are new. */
export function writeTextFiles(script: Script, recorded: Recorded, folder: string): void {
  for (const [name, content] of Object.entries(textFiles(script, recorded))) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    atomicWriteFile(path.join(folder, name), content)
  }
  fs.mkdirSync(path.join(folder, 'walkthrough'), { recursive: true })
  atomicWriteJson(path.join(folder, 'walkthrough/recorded.json'), recorded)
}

export function readRecorded(): Recorded {
  return readJson(RECORDED, 'make it with npm run walkthrough') as Recorded
}

export { readScript }

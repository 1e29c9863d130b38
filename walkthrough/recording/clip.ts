import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atomicWriteJson } from '../../src/io/atomicWrite.js'
import { readJson } from '../../src/io/readJsonFile.js'

/** Milliseconds between two pictures of a cell that runs. */
const INTERVAL = 400

/** Pictures that were taken while something ran, and when, in seconds since it began. */
export interface Clip {
  readonly seconds: number
  readonly frames: readonly { readonly at: number; readonly file: string }[]
}

/** Takes pictures into a folder until `isDone`; the last one is of the end. */
export async function recordClip(
  folder: string,
  take: (file: string) => Promise<void>,
  isDone: () => Promise<boolean>,
): Promise<Clip> {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  const frames: { at: number; file: string }[] = []
  const started = performance.now()
  for (let isLast = false; !isLast;) {
    const begun = performance.now()
    isLast = await isDone()
    const file = `${String(frames.length).padStart(4, '0')}.png`
    const at = (performance.now() - started) / 1000
    await take(path.join(folder, file))
    frames.push({ at, file })
    await sleep(Math.max(0, INTERVAL - (performance.now() - begun)))
  }
  const clip = { seconds: frames.at(-1)!.at, frames }
  atomicWriteJson(path.join(folder, 'clip.json'), clip)
  return clip
}

/** The clip in a folder, with the paths of its pictures. */
export function readClip(folder: string): Clip {
  const { seconds, frames } = readJson(path.join(folder, 'clip.json')) as Clip
  return { seconds, frames: frames.map(({ at, file }) => ({ at, file: path.join(folder, file) })) }
}

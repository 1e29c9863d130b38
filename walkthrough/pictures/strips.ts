import path from 'node:path'
import type { Browser } from 'playwright-core'
import type { Timeline } from '../text/timeline.js'
import type { Held } from '../video/encode.js'
import { runFfmpeg } from '../video/programs.js'
import { stripsPage } from './pages.js'
import type { Strip } from './pages.js'
import { Screen, STRIP } from './screen.js'

/** Strips in one picture, which is then cut up: one picture of each would take longer than all others together. */
const STRIPS_AT_ONCE = 32

/** The strips of a video and when each begins: empty under title cards, then each caption until the next one. */
export function listStrips(
  timeline: Timeline,
  speeds: ReadonlyMap<string, number>,
): (Strip & { readonly start: number })[] {
  return timeline.sections.flatMap(({ section, title, scenes }) => [
    { start: title.start, caption: '', place: '', speed: 1 },
    ...scenes.flatMap(({ scene, parts }) =>
      parts.flatMap(({ cues }, i) =>
        cues.map(({ start, text }) => ({
          start,
          caption: text,
          place: `${section.number} ${section.title}`,
          speed: i === 0 ? (speeds.get(scene.id) ?? 1) : 1,
        })),
      ),
    ),
  ])
}

/** Takes the strips below the pictures. `speeds` says, by the id of a scene, how many times as fast its first part is shown. */
export async function takeStrips(
  browser: Browser,
  timeline: Timeline,
  speeds: ReadonlyMap<string, number>,
  folder: string,
): Promise<Held[]> {
  const strips = listStrips(timeline, speeds)
  const screen = await Screen.open(browser, { ...STRIP, height: STRIP.height * STRIPS_AT_ONCE })
  const held: Held[] = []
  for (let first = 0; first < strips.length; first += STRIPS_AT_ONCE) {
    const some = strips.slice(first, first + STRIPS_AT_ONCE)
    const all = path.join(folder, 'strips.png')
    await screen.setContent(stripsPage(some, STRIP.height))
    await screen.take(all)
    const pattern = path.join(folder, `strip-${String(first).padStart(4, '0')}-%02d.png`)
    const cut = ['-vf', `untile=1x${STRIPS_AT_ONCE}`, '-compression_level', '1', '-start_number', '0', pattern]
    runFfmpeg('cutting the captions', ['-i', all, ...cut])
    for (const [i, { start }] of some.entries()) {
      const end = strips[first + i + 1]?.start ?? timeline.seconds
      held.push({ file: pattern.replace('%02d', String(i).padStart(2, '0')), seconds: end - start })
    }
  }
  await screen.close()
  return held
}

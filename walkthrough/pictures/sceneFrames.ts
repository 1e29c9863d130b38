import path from 'node:path'
import { readClip } from '../recording/clip.js'
import { commands, readPrinted } from '../recording/commands.js'
import { clipFolder } from '../recording/recordNotebook.js'
import type { TimedScene } from '../text/timeline.js'
import type { Held } from '../video/encode.js'
import { findCell } from './notebookView.js'
import type { NotebookView } from './notebookView.js'
import { cardPage, terminalPage } from './pages.js'
import { aim } from './screen.js'
import type { Screen } from './screen.js'

/** What pictures of scenes are taken with. */
export interface Stage {
  /** The executed notebook. */
  readonly notebook: NotebookView
  /** For cards and terminals. */
  readonly page: Screen
  /** Folder of the recording. */
  readonly recording: string
  /** Folder for the pictures. */
  readonly pictures: string
}

/** The pictures of a scene, as long as it is, and how many times as fast as it ran its first part is shown. */
export interface SceneFrames {
  readonly frames: readonly Held[]
  readonly speed: number
}

/** Takes the pictures of a scene. Throws a GrpoError when something that it shows is not there. */
export async function sceneFrames(stage: Stage, timed: TimedScene): Promise<SceneFrames> {
  const { scene, parts } = timed
  const { show } = scene
  const where = `scene ${scene.id}, ${scene.title}`
  const stills = async (screen: Screen, prepare: (point: string | null) => Promise<void>): Promise<Held[]> => {
    const frames: Held[] = []
    for (const [i, { part, start, end }] of parts.entries()) {
      await prepare(part.point)
      const file = path.join(stage.pictures, `${scene.id}-${i + 1}.png`)
      await screen.take(file)
      frames.push({ file, seconds: end - start })
    }
    return frames
  }
  switch (show.kind) {
    case 'card': {
      await stage.page.setContent(cardPage(show.markdown))
      const frames = await stills(stage.page, (point) =>
        aim(stage.page.page, { scroller: null, element: 'main', point }, where),
      )
      return { frames, speed: 1 }
    }
    case 'notebook': {
      const cell = findCell(await stage.notebook.cells(), show, where)
      const frames = await stills(stage.notebook.screen, (point) => stage.notebook.show(cell, show.part, point, where))
      if (!show.isRun) return { frames, speed: 1 }
      const { seconds, frames: taken } = readClip(clipFolder(stage.recording, scene.id))
      return playFirst(frames, taken, seconds)
    }
    case 'terminal': {
      const { typed } = commands[show.command]!
      const { seconds, lines } = readPrinted(show.command, stage.recording)
      const toEnd = (): Promise<void> =>
        stage.page.page.locator('main').evaluate((main) => {
          main.scrollTop = main.scrollHeight
        })
      const whole = lines.map(({ text }) => text).join('')
      const frames = await stills(stage.page, async (point) => {
        await stage.page.setContent(terminalPage(typed, whole))
        if (point === null) await toEnd()
        else await aim(stage.page.page, { scroller: 'main', element: 'main > div', point }, where)
      })
      if (!show.isRun) return { frames, speed: 1 }
      const taken: { at: number; file: string }[] = []
      let printed = ''
      const shortest = (0.3 * seconds) / frames[0]!.seconds // what follows faster than the eye is one picture
      for (const [i, { at, text }] of lines.entries()) {
        printed += text
        const next = lines[i + 1]
        if (next && next.at - at < shortest) continue
        const file = path.join(stage.pictures, `${scene.id}-line-${i}.png`)
        await stage.page.setContent(terminalPage(typed, printed))
        await toEnd()
        await stage.page.take(file)
        taken.push({ at, file })
      }
      return playFirst(frames, taken, seconds)
    }
  }
}

/** Replaces the first still by pictures that were taken while something ran for `seconds`, faster where it would not fit. */
export function playFirst(
  [first, ...rest]: readonly Held[],
  taken: readonly { readonly at: number; readonly file: string }[],
  seconds: number,
): SceneFrames {
  const room = first!.seconds
  const speed = Math.max(1, seconds / (0.9 * room)) // the end is held for a moment
  const tenths = (at: number): number => Math.round((10 * at) / speed) / 10
  const frames = taken.map(({ at, file }, i) => {
    const until = i + 1 < taken.length ? tenths(taken[i + 1]!.at) : room
    return { file, seconds: until - (i === 0 ? 0 : tenths(at)) }
  })
  return { frames: [...frames, ...rest], speed }
}

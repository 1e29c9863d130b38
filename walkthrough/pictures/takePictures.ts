import fs from 'node:fs'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import type { JupyterLab } from '../../scripts/lab/labServer.js'
import { recordedNotebook } from '../recording/recordNotebook.js'
import type { Timeline } from '../text/timeline.js'
import type { Held } from '../video/encode.js'
import { NotebookView } from './notebookView.js'
import { titlePage } from './pages.js'
import { sceneFrames } from './sceneFrames.js'
import { PICTURE, Screen } from './screen.js'
import { takeStrips } from './strips.js'

/** All pictures of a video. */
export interface Pictures {
  readonly pictures: readonly Held[]
  readonly strips: readonly Held[]
  /** The last picture of each scene, by its id: what the page shows. */
  readonly ofScenes: ReadonlyMap<string, string>
  /** How many times as fast as they ran scenes are shown, by id. */
  readonly speeds: ReadonlyMap<string, number>
}

/** Takes the pictures of all scenes: of the executed notebook in JupyterLab, cards and terminals. */
export async function takePictures(
  browser: Browser,
  lab: JupyterLab,
  {
    timeline,
    recording,
    folder,
  }: {
    timeline: Timeline
    /** Folder of the recording. */
    recording: string
    /** For the pictures; emptied. */
    folder: string
  },
): Promise<Pictures> {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  const notebook = await NotebookView.open(browser, lab, recordedNotebook(recording))
  const page = await Screen.open(browser, PICTURE)
  const stage = { notebook, page, recording, pictures: folder }
  try {
    const pictures: Held[] = []
    const ofScenes = new Map<string, string>()
    const speeds = new Map<string, number>()
    for (const { section, title, scenes } of timeline.sections) {
      const file = path.join(folder, `${section.number}-title.png`)
      await page.setContent(titlePage(section, timeline.sections.length))
      await page.take(file)
      pictures.push({ file, seconds: title.end - title.start })
      for (const timed of scenes) {
        const { frames, speed } = await sceneFrames(stage, timed)
        pictures.push(...frames)
        ofScenes.set(timed.scene.id, frames.at(-1)!.file)
        if (speed > 1) speeds.set(timed.scene.id, speed)
      }
      console.error(`pictures of section ${section.number} are taken`)
    }
    return { pictures, strips: await takeStrips(browser, timeline, speeds, folder), ofScenes, speeds }
  } finally {
    for (const one of [notebook, page]) await one.close()
  }
}

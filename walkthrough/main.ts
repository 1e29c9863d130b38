/**
 * Makes the walkthrough of walkthrough/script.yaml: the video in runs/walkthrough/, and its page, captions, chapters and pictures in
 * docs/. See docs/notebooks.md.
 *
 *     npm run walkthrough
 *     npm run walkthrough -- --from pictures    # with the recording of the last time, after a change of the script
 *     npm run walkthrough -- --text             # page, captions and chapters alone, with the figures of the last time
 *     npm run walkthrough -- -p maxSteps=10     # a draft: nothing is written to docs/
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { findChromium, howToGetChromium, launchChromium } from '../scripts/chromium.js'
import { startJupyterLab, stopJupyterLab } from '../scripts/lab/labServer.js'
import { GrpoError } from '../src/errors.js'
import { duration, gigabytes } from '../src/io/units.js'
import { runLayout } from '../src/run/layout.js'
import { takePictures } from './pictures/takePictures.js'
import { commands, runCommand } from './recording/commands.js'
import { readFigures } from './recording/figures.js'
import { checkScenes, NOTEBOOK, readCells, recordNotebook } from './recording/recordNotebook.js'
import { fillAndTime, readRecorded, readScript, SCRIPT, textFiles, writeTextFiles } from './text/files.js'
import type { Recorded } from './text/page.js'
import { scenesOf } from './text/script.js'
import type { Script } from './text/script.js'
import { checkLengths, clock } from './text/timeline.js'
import { formatMetadata } from './text/webVtt.js'
import { encodeVideo } from './video/encode.js'
import { writePagePictures } from './video/pagePictures.js'
import { requireFfmpeg } from './video/programs.js'
import { findSynthesiser, speakTimeline } from './video/speech.js'

const root = path.resolve(import.meta.dirname, '..')
const output = path.join(root, 'runs/walkthrough')
const recording = path.join(output, 'recording')
const notebookRun = path.join(recording, 'runs/notebook')

const usage = 'usage: npm run walkthrough -- [--from pictures | --text] [-p NAME=VALUE …]'

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: 'recording' },
      text: { type: 'boolean', default: false },
      parameter: { type: 'string', short: 'p', multiple: true, default: [] },
    },
  })
  if (!['recording', 'pictures'].includes(values.from))
    throw new GrpoError(`--from ${values.from}: expected pictures\n${usage}`)
  const script = readScript(SCRIPT)
  checkScenes(scenesOf(script), readCells())
  if (values.text) {
    writeTextFiles(script, readRecorded(), root)
    return
  }
  await makeVideo(script, values.from === 'recording', values.parameter)
}

async function makeVideo(script: Script, isRecorded: boolean, parameters: readonly string[]): Promise<void> {
  const started = performance.now()
  const program = findChromium()
  if (program === null)
    throw new GrpoError(`the walkthrough is recorded in Chromium, and there is none here; ${howToGetChromium}`)
  requireFfmpeg()
  const synthesiser = findSynthesiser()
  console.error(
    synthesiser ? `${synthesiser.name} reads aloud` : 'no sound: none of espeak-ng, piper and say is installed',
  )
  const lab = await startJupyterLab({ venv: false })
  if (typeof lab === 'string') throw new GrpoError(`JupyterLab did not start:\n${lab}`)
  const browser = await launchChromium(program)
  let recorded: Recorded
  let pictures
  try {
    if (isRecorded) {
      fs.rmSync(recording, { recursive: true, force: true })
      await recordNotebook(browser, lab, { file: NOTEBOOK, scenes: scenesOf(script), folder: recording, parameters })
      for (const [name, { typed }] of Object.entries(commands)) {
        console.error(`$ ${typed}`)
        await runCommand(name, recording)
      }
    }
    const figures = await readFigures(recording, notebookRun)
    const { timeline } = fillAndTime(script, { figures })
    for (const problem of checkLengths(timeline)) console.error(`warning: ${problem}`)
    pictures = await takePictures(browser, lab, {
      timeline,
      recording,
      folder: path.join(output, 'pictures'),
    })
    const machine = `${os.availableParallelism()} cores (${os.cpus()[0]?.model.trim() ?? os.arch()}), Node ${process.versions.node}`
    const date = fs.statSync(runLayout(notebookRun).evaluation).mtime.toISOString().slice(0, 10)
    recorded = { date, machine, figures, speeds: Object.fromEntries(pictures.speeds) }
  } finally {
    await browser.close()
    await stopJupyterLab(lab)
  }

  const { timeline, filled } = fillAndTime(script, recorded)
  let sound: Buffer | null = null
  if (synthesiser) {
    const { wav, hurried } = speakTimeline(timeline, filled.pronounce, synthesiser, output)
    for (const caption of hurried) console.error(`warning: said ${caption}`)
    sound = wav
  }
  const video = path.join(output, 'walkthrough.mp4')
  const metadata = formatMetadata(filled.title, timeline)
  const { seconds } = timeline
  encodeVideo(video, { ...pictures, metadata, sound, seconds }, output)

  // A draft leaves the documentation as it is.
  const documented = parameters.length > 0 ? path.join(output, 'draft') : root
  writePagePictures(pictures.ofScenes, path.join(documented, 'docs/images/walkthrough'))
  writeTextFiles(script, recorded, documented)
  for (const [name, content] of Object.entries(textFiles(script, recorded))) {
    fs.writeFileSync(path.join(output, path.basename(name)), content)
  }
  console.log(
    `${path.relative(process.cwd(), video)}: ${clock(seconds)} minutes, ${gigabytes(fs.statSync(video).size)}, ` +
      `${scenesOf(script).length} scenes, ${sound ? `sound by ${synthesiser!.name}` : 'without sound'}; made in ${duration((performance.now() - started) / 1000)}`,
  )
}

try {
  await main()
} catch (error) {
  if (!(error instanceof GrpoError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'))) throw error
  console.error((error as Error).message)
  process.exitCode = 1
}

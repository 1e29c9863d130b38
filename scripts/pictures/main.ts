/**
 * Makes the pictures of README.md and docs/, in light and dark, of runs that it does itself, and writes them with their
 * descriptions and the printed figures to where they belong. It takes some minutes, and Chromium.
 *
 *     npm run pictures -- [--only NAME,NAME] [--stored] [--benchmark runs/bench-quickstart] [--runs runs/pictures] [--check]
 *
 * `--stored` draws what was recorded and trained before; `--check` makes nothing, and ends with 1 when a picture is missing or of
 * another model than the one of `npm start`.
 */
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import { findChromium, howToGetChromium, launchChromium } from '../chromium.js'
import { notebookPictures } from './catalogue/notebook.js'
import { openingPictures } from './catalogue/opening.js'
import { reportPictures } from './catalogue/report.js'
import { terminalPictures } from './catalogue/terminal.js'
import { fillPlace, pictureBlock } from './markdown.js'
import type { Picture } from './picture.js'
import { imagesFolder, root } from './places.js'
import { shortenedOutput } from './readmeText.js'
import { noteSources, outOfDate } from './sources.js'
import { finalLines } from './terminal/frames.js'
import { themes } from './theme.js'
import { openWorkshop } from './workshop.js'
import type { Workshop } from './workshop.js'

const pictures = [...openingPictures, ...reportPictures, ...notebookPictures, ...terminalPictures]

/** Makes a picture in both themes, and fills its places. @returns names of its files */
async function makePicture(picture: Picture, workshop: Workshop): Promise<string[]> {
  const { name, width = 800 } = picture
  const files: string[] = []
  for (const theme of themes) {
    const content = await picture.make(workshop, theme)
    const file = `${name}-${theme.name}.${typeof content === 'string' ? 'svg' : 'png'}`
    fs.mkdirSync(imagesFolder, { recursive: true })
    atomicWriteFile(path.join(imagesFolder, file), content)
    console.log(`docs/images/${file}  ${(Buffer.byteLength(content) / 1000).toFixed(0)} kB`)
    files.push(file)
  }
  const words = await picture.describe(workshop)
  fillPlace(root, 'picture', name, (page) => {
    const [light, dark] = files.map((file) =>
      path.relative(path.dirname(page), path.join(imagesFolder, file)).replaceAll(path.sep, '/'),
    )
    return pictureBlock(light!, dark!, { ...words, width })
  })
  return files
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      stored: { type: 'boolean', default: false },
      benchmark: { type: 'string', default: path.join(root, 'runs/bench-quickstart') },
      runs: { type: 'string', default: path.join(root, 'runs/pictures') },
      check: { type: 'boolean', default: false },
    },
  })
  const names = values.only?.split(',') ?? pictures.map(({ name }) => name)
  const unknown = names.filter((name) => !pictures.some((picture) => picture.name === name))
  if (unknown.length > 0) {
    throw new Error(
      `there is no picture ${unknown.join(', ')}; expected some of ${pictures.map(({ name }) => name).join(', ')}`,
    )
  }
  if (values.check) {
    const files = fs.readdirSync(imagesFolder).filter((file) => /\.(svg|png)$/.test(file))
    const missing = names.filter((name) => !files.some((file) => file.startsWith(`${name}-light.`)))
    const troubles = [...missing.map((name) => `${name} is missing`), ...outOfDate(files)]
    for (const trouble of troubles) console.error(`${trouble}; run \`npm run pictures\``)
    process.exitCode = troubles.length > 0 ? 1 : 0
    return
  }
  let browser: Promise<Browser> | null = null
  const start = (): Promise<Browser> => {
    const chromium = findChromium()
    if (chromium === null) throw new Error(`there is no Chromium here: ${howToGetChromium}`)
    return (browser ??= launchChromium(chromium))
  }
  try {
    const workshop = openWorkshop(start, {
      folder: path.resolve(values.runs),
      benchmark: path.resolve(values.benchmark),
      isFresh: (picture) => !values.stored && names.includes(picture),
    })
    for (const picture of pictures.filter(({ name }) => names.includes(name))) {
      noteSources(await makePicture(picture, workshop))
      if (picture.name === 'start') {
        const text = shortenedOutput(finalLines(await workshop.start()))
        fillPlace(root, 'text', 'start', () => `\`\`\`\n${text}\n\`\`\``)
      }
    }
  } finally {
    await (await (browser as Promise<Browser> | null))?.close()
  }
}

try {
  await main()
} catch (error) {
  console.error(`npm run pictures: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

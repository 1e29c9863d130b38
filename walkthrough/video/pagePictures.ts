import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../../src/errors.js'
import { runFfmpeg } from './programs.js'

/** Most bytes of all pictures of the page together. */
export const PAGE_PICTURES_BYTES = 1.5e6

/** Writes a WebP of each picture as `ID.webp` into an emptied folder, of the best quality with which all fit into the page's size. */
export function writePagePictures(ofScenes: ReadonlyMap<string, string>, folder: string): void {
  for (const quality of [80, 70, 60, 50, 40, 30]) {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    let bytes = 0
    for (const [id, file] of ofScenes) {
      const output = path.join(folder, `${id}.webp`)
      runFfmpeg(`the page's picture ${id}`, [
        '-i',
        file,
        '-vf',
        'scale=1280:-1:flags=area',
        '-c:v',
        'libwebp',
        '-preset',
        'text',
        '-quality',
        String(quality),
        '-compression_level',
        '6',
        output,
      ])
      bytes += fs.statSync(output).size
    }
    if (bytes <= PAGE_PICTURES_BYTES) return
  }
  throw new GrpoError(
    `the ${ofScenes.size} pictures of the page do not fit into ${PAGE_PICTURES_BYTES} bytes; leave some scenes out`,
  )
}

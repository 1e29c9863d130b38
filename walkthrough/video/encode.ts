import fs from 'node:fs'
import path from 'node:path'
import { runFfmpeg } from './programs.js'

/** Frames a second. Times of the timeline are whole tenths of seconds, so that every cut is on a frame. */
export const FRAME_RATE = 10

/** A picture and how long it is shown. */
export interface Held {
  readonly file: string
  readonly seconds: number
}

/** Pictures as ffmpeg's concat demuxer reads them. Those that follow each other and are the same become one. */
export function formatFrameList(frames: readonly Held[]): string {
  const merged: { file: string; seconds: number }[] = []
  for (const { file, seconds } of frames) {
    const last = merged.at(-1)
    if (last?.file === file) last.seconds += seconds
    else if (seconds > 0) merged.push({ file, seconds })
  }
  const quote = (file: string): string => `'${file.replaceAll("'", String.raw`'\''`)}'`
  const lines = merged.map(({ file, seconds }) => `file ${quote(file)}\nduration ${seconds.toFixed(3)}`)
  // The demuxer leaves out the duration of the last one, unless the file comes once more.
  return `ffconcat version 1.0\n${lines.join('\n')}\nfile ${quote(merged.at(-1)!.file)}\n`
}

export interface VideoParts {
  readonly pictures: readonly Held[]
  /** Strips of captions, for the same time. */
  readonly strips: readonly Held[]
  /** ffmpeg's metadata: title and chapters. */
  readonly metadata: string
  /** WAV; null: a silent video. */
  readonly sound: Buffer | null
  readonly seconds: number
}

/** Writes a video of pictures above strips. `folder` takes what ffmpeg is given. */
export function encodeVideo(
  output: string,
  { pictures, strips, metadata, sound, seconds }: VideoParts,
  folder: string,
): void {
  const file = (name: string, content: string | Buffer): string => {
    const at = path.join(folder, name)
    fs.writeFileSync(at, content)
    return at
  }
  const list = (name: string, held: readonly Held[]): string[] => [
    '-f',
    'concat',
    '-safe',
    '0',
    '-i',
    file(name, formatFrameList(held)),
  ]
  // Colours first, so that a picture that is held is converted once.
  const filter = ['pictures', 'strips'].map((name, i) => `[${i}:v]format=yuv420p,fps=${FRAME_RATE}[${name}]`)
  const temporary = output.replace(/\.mp4$/, '.partial.mp4')
  runFfmpeg('encoding the video', [
    ...list('pictures.ffconcat', pictures),
    ...list('strips.ffconcat', strips),
    '-i',
    file('chapters.ffmetadata', metadata),
    ...(sound ? ['-i', file('sound.wav', sound)] : []),
    '-filter_complex',
    `${filter.join(';')};[pictures][strips]vstack[video]`,
    '-map',
    '[video]',
    ...(sound ? ['-map', '3:a', '-c:a', 'aac', '-b:a', '72k'] : []),
    '-map_metadata',
    '2',
    '-map_chapters',
    '2',
    '-t',
    seconds.toFixed(1),
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-tune',
    'stillimage',
    '-crf',
    '23',
    '-g',
    String(30 * FRAME_RATE),
    '-movflags',
    '+faststart',
    temporary,
  ])
  fs.renameSync(temporary, output)
}

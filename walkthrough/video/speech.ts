import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../../src/errors.js'
import { plainText } from '../text/captions.js'
import { WORDS_PER_MINUTE } from '../text/timeline.js'
import type { Timeline } from '../text/timeline.js'
import { isInstalled, runFfmpeg } from './programs.js'
import { readWav, trimSilence, writeWav } from './wav.js'
import type { Sound } from './wav.js'

/** Samples a second of the whole. */
const RATE = 22_050
/** How much faster or slower than it comes from the synthesiser a caption may be said. */
const FASTEST = 1.35
const SLOWEST = 0.85

/** What reads aloud: writes a text, which stands in a file, as WAV. */
export interface Synthesiser {
  readonly name: string
  readonly speak: (textFile: string, wavFile: string) => readonly [program: string, args: readonly string[]]
}

/** Known synthesisers, the best first; piper needs a voice, which PIPER_MODEL names. */
const synthesisers: readonly (Synthesiser & { isHere: () => boolean })[] = [
  {
    name: 'piper',
    isHere: () => process.env.PIPER_MODEL !== undefined && isInstalled('piper', '--help'),
    speak: (text, wav) => ['piper', ['--model', process.env.PIPER_MODEL!, '--input-file', text, '--output_file', wav]],
  },
  {
    name: 'say',
    isHere: () => process.platform === 'darwin' && isInstalled('say', '--version'),
    speak: (text, wav) => [
      'say',
      ['-r', String(WORDS_PER_MINUTE), `--data-format=LEI16@${RATE}`, '--file-format=WAVE', '-o', wav, '-f', text],
    ],
  },
  {
    name: 'espeak-ng',
    isHere: () => isInstalled('espeak-ng', '--version'),
    speak: (text, wav) => ['espeak-ng', ['-v', 'en-us', '-s', '155', '-g', '2', '-w', wav, '-f', text]],
  },
]

/** The best one that is installed; null where there is none. */
export function findSynthesiser(): Synthesiser | null {
  return synthesisers.find(({ isHere }) => isHere()) ?? null
}

/** A caption as it is written for a synthesiser: names as they are pronounced, signs as words, names in camel case as words. */
export function asSpoken(text: string, pronounce: Readonly<Record<string, string>>): string {
  let spoken = plainText(text)
  for (const [name, sound] of Object.entries(pronounce)) {
    const escaped = name.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')
    spoken = spoken.replace(new RegExp(`(?<![\\p{Letter}\\d])${escaped}(?![\\p{Letter}\\d])`, 'gu'), sound)
  }
  return spoken
    .replace(/(\d),(?=\d{3})/g, '$1')
    .replace(/\s*%/g, ' percent')
    .replace(/\s*=\s*/g, ' equals ')
    .replace(/\s*<\s*/g, ' below ')
    .replace(/\s*×\s*/g, ' times ')
    .replace(/\s*→\s*/g, ' to ')
    .replace(/(\p{Lowercase})(\p{Uppercase})/gu, '$1 $2')
    .replaceAll('_', ' ')
}

/**
 * Reads all captions aloud, each in its time, and returns the whole as WAV, with the captions that had to be said faster than one
 * likes to hear.
 */
export function speakTimeline(
  timeline: Timeline,
  pronounce: Readonly<Record<string, string>>,
  synthesiser: Synthesiser,
  folder: string,
): { wav: Buffer; hurried: string[] } {
  const whole = new Int16Array(Math.ceil(timeline.seconds * RATE))
  const hurried: string[] = []
  fs.mkdirSync(folder, { recursive: true })
  const cues = timeline.sections.flatMap(({ scenes }) =>
    scenes.flatMap(({ parts }) => parts.flatMap((part) => part.cues)),
  )
  for (const { start, end, text } of cues) {
    const sound = synthesise(asSpoken(text, pronounce), synthesiser, folder)
    const tempo = sound.samples.length / sound.rate / (end - start)
    if (tempo > FASTEST) hurried.push(`${tempo.toFixed(2)} times as fast: ${text}`)
    const { samples } = stretch(sound, Math.max(tempo, SLOWEST))
    whole.set(samples.subarray(0, whole.length - Math.floor(start * RATE)), Math.floor(start * RATE))
  }
  return { wav: writeWav({ rate: RATE, samples: whole }), hurried }
}

function synthesise(text: string, { name, speak }: Synthesiser, folder: string): Sound {
  const [textFile, wavFile] = [path.join(folder, 'caption.txt'), path.join(folder, 'caption.wav')]
  fs.writeFileSync(textFile, text)
  const [program, args] = speak(textFile, wavFile)
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) {
    throw new GrpoError(`${name} could not say '${text}': ${error?.message ?? stderr.slice(-300)}`)
  }
  return trimSilence(readWav(fs.readFileSync(wavFile), `what ${name} wrote`))
}

/** The same sound at our rate, so many times as fast, at the same pitch. */
function stretch({ rate, samples }: Sound, tempo: number): Sound {
  if (samples.length === 0) return { rate: RATE, samples }
  const filter = `atempo=${tempo.toFixed(4)},aresample=${RATE}`
  const wav = runFfmpeg(
    'fitting a caption into its time',
    ['-f', 'wav', '-i', 'pipe:0', '-af', filter, '-f', 's16le', '-ac', '1', 'pipe:1'],
    writeWav({ rate, samples }),
  )
  const fitted = new Int16Array(wav.length >> 1)
  for (let i = 0; i < fitted.length; i++) fitted[i] = wav.readInt16LE(2 * i)
  return { rate: RATE, samples: fitted }
}

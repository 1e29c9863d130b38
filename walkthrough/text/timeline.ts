import { spokenWords, splitCaptions } from './captions.js'
import type { Part, Scene, Script, Section } from './script.js'

/** At which the text is read. */
export const WORDS_PER_MINUTE = 150
/** Seconds that a section's title card is on the screen. */
const TITLE_SECONDS = 3
/** Seconds without words behind a sentence, and behind a scene. */
const SENTENCE_PAUSE = 0.3
const SCENE_PAUSE = 0.9
/** How far a section may be from its length. */
const TOLERANCE = 0.1

/** From when until when, in seconds from the beginning. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Cue extends Span {
  readonly text: string
}

export interface TimedPart extends Span {
  readonly part: Part
  readonly cues: readonly Cue[]
}

export interface TimedScene extends Span {
  readonly scene: Scene
  readonly parts: readonly TimedPart[]
}

export interface TimedSection extends Span {
  readonly section: Section
  /** The title card. */
  readonly title: Span
  readonly scenes: readonly TimedScene[]
}

export interface Timeline {
  readonly seconds: number
  readonly sections: readonly TimedSection[]
}

/** When everything of a script is shown and said: as long as it takes to read it aloud. Times are whole tenths of seconds. */
export function makeTimeline(script: Script): Timeline {
  let now = 0
  const span = (seconds: number): Span => {
    const start = now
    now = Math.round(10 * (now + seconds)) / 10
    return { start, end: now }
  }
  const sections = script.sections.map((section): TimedSection => {
    const title = span(TITLE_SECONDS)
    const scenes = section.scenes.map((scene): TimedScene => {
      const parts = scene.parts.map((part, i): TimedPart => {
        const { start } = span(0)
        const cues = splitCaptions(part.say).map((text): Cue => {
          const cue = { ...span((60 * spokenWords(text)) / WORDS_PER_MINUTE), text }
          if (/[.?!:)]$/.test(text)) span(SENTENCE_PAUSE)
          return cue
        })
        if (i === scene.parts.length - 1) span(SCENE_PAUSE)
        return { part, cues, start, end: now }
      })
      return { scene, parts, start: parts[0]!.start, end: now }
    })
    return { section, title, scenes, start: title.start, end: now }
  })
  return { seconds: now, sections }
}

/** Sections that are too long or too short, each with how many words it is off. */
export function checkLengths({ sections }: Timeline): string[] {
  return sections.flatMap(({ section, start, end }) => {
    const wanted = 60 * section.minutes
    const off = end - start - wanted
    if (Math.abs(off) <= TOLERANCE * wanted) return []
    const words = Math.round((Math.abs(off) * WORDS_PER_MINUTE) / 60)
    const range = [1 - TOLERANCE, 1 + TOLERANCE].map((factor) => clock(factor * wanted)).join(' to ')
    return [
      `section ${section.number}, ${section.title}, takes ${clock(end - start)}; expected ${range}: about ${words} words too ${off > 0 ? 'many' : 'few'}`,
    ]
  })
}

/** `3:05` */
export function clock(seconds: number): string {
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

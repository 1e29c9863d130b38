import type { Span, Timeline } from './timeline.js'

/** Everything that is said, as WebVTT captions. */
export function formatCaptions({ sections }: Timeline): string {
  const cues = sections.flatMap(({ scenes }) => scenes.flatMap(({ parts }) => parts.flatMap(({ cues: some }) => some)))
  return formatVtt(cues)
}

/** One chapter for each scene, as WebVTT chapters. */
export function formatChapters(timeline: Timeline): string {
  return formatVtt(chaptersOf(timeline))
}

/** Chapters: a scene each, the first of a section with its title card, named with the section's title. */
export function chaptersOf({ sections }: Timeline): (Span & { readonly text: string })[] {
  return sections.flatMap(({ section, start, scenes }) =>
    scenes.map((scene, i) => ({
      start: i === 0 ? start : scene.start,
      end: scene.end,
      text: `${section.number} ${section.title}: ${scene.scene.title}`,
    })),
  )
}

/** The chapters as the metadata that ffmpeg puts into a video. */
export function formatMetadata(title: string, timeline: Timeline): string {
  const escape = (text: string): string => text.replace(/[=;#\\\n]/g, (character) => `\\${character}`)
  const chapters = chaptersOf(timeline).map(({ start, end, text }) =>
    [
      '[CHAPTER]',
      'TIMEBASE=1/1000',
      `START=${Math.round(1000 * start)}`,
      `END=${Math.round(1000 * end)}`,
      `title=${escape(text)}`,
    ].join('\n'),
  )
  return `;FFMETADATA1\ntitle=${escape(title)}\n${chapters.join('\n')}\n`
}

function formatVtt(cues: readonly (Span & { readonly text: string })[]): string {
  const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const blocks = cues.map(
    ({ start, end, text }, i) => `${i + 1}\n${timestamp(start)} --> ${timestamp(end)}\n${escape(text)}\n`,
  )
  return `WEBVTT\n\n${blocks.join('\n')}`
}

/** `00:01:02.500` */
function timestamp(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const milliseconds = Math.round(1000 * seconds)
  const whole = Math.floor(milliseconds / 1000)
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${String(milliseconds % 1000).padStart(3, '0')}`
}

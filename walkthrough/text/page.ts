import type { Figures } from './placeholders.js'
import type { Scene, Script, Show } from './script.js'
import { clock } from './timeline.js'
import type { Timeline } from './timeline.js'

/** What the last recording found, which the page tells beside the script. */
export interface Recorded {
  /** Day of the recording, such as `2026-12-01`. */
  readonly date: string
  /** Such as `2 cores, Node 20.20.2`. */
  readonly machine: string
  readonly figures: Figures
  /** How many times as fast scenes are shown that were recorded while a cell ran, by id. */
  readonly speeds: Readonly<Record<string, number>>
}

/** The picture of a scene on the page, relative to docs/. */
export function pictureOf({ id }: Scene): string {
  return `images/walkthrough/${id}.webp`
}

/** The walkthrough as a page of Markdown: every picture and everything that is said. The script has its figures filled in. */
export function formatPage(script: Script, timeline: Timeline, recorded: Recorded): string {
  const contents = timeline.sections.map(
    ({ section, start, end }) =>
      `| [${section.number}. ${section.title}](#${anchor(`${section.number}. ${section.title}`)}) | ${clock(start)} | ${clock(end - start)} |`,
  )
  const sections = timeline.sections.flatMap(({ section, scenes }) => [
    `## ${section.number}. ${section.title}`,
    ...scenes.flatMap(({ scene, parts, start }) => [
      `### ${clock(start)} ${scene.title}`,
      `![${scene.title}: ${describeShow(scene.show)}](${pictureOf(scene)})`,
      ...speedNote(recorded.speeds[scene.id]),
      parts.map(({ part }) => part.say).join(' '),
    ]),
  ])
  const head = [
    '<!-- Made by `npm run walkthrough` from walkthrough/script.yaml: edit that. -->',
    `# ${script.title}: the walkthrough`,
    script.summary,
    `\`npm run walkthrough\` makes a video of ${clock(timeline.seconds)} minutes of it, \`runs/walkthrough/walkthrough.mp4\`: it starts JupyterLab, runs the ` +
      '[notebook](../notebooks/grpo-reasoning.ipynb) in a browser while it takes the pictures, and reads the text below aloud where a speech ' +
      'synthesiser is installed. This page is the same for those who read; the captions are [walkthrough.vtt](walkthrough.vtt), the chapters ' +
      `[walkthrough.chapters.vtt](walkthrough.chapters.vtt). Recorded on ${recorded.date} on ${recorded.machine}; every figure is of that run. ` +
      'How it is made: [notebooks.md](notebooks.md#the-walkthrough).',
    ['| section | begins | minutes |', '|---|---|---|', ...contents].join('\n'),
  ]
  return `${[...head, ...sections].join('\n\n')}\n`
}

function speedNote(speed: number | undefined): string[] {
  return speed !== undefined && speed > 1 ? [`*In the video ${speed.toFixed(1)} times as fast as it ran.*`] : []
}

function describeShow(show: Show): string {
  switch (show.kind) {
    case 'card':
      return 'a card with a title and a few lines'
    case 'notebook':
      return show.cell === null
        ? 'text of the notebook'
        : `${show.part === 'code' ? 'a cell' : 'output'} of the notebook`
    case 'terminal':
      return 'a terminal'
  }
}

/** A heading's anchor, as GitHub makes it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}\s-]/gu, '')
    .replaceAll(' ', '-')
}

import { DataError } from '../../src/errors.js'
import { didYouMean } from '../../src/options/names.js'
import type { Script } from './script.js'

/** What was measured, as it is said: `accuracy.base` is `47.1 %`. */
export type Figures = Readonly<Record<string, string>>

const placeholder = /\{([a-z][\w.-]*)\}/gi

/** Replaces each `{name}` by its figure. Throws a DataError for one that the run does not have; `where` is named in it. */
export function fillFigures(text: string, figures: Figures, where: string): string {
  return text.replace(placeholder, (_, name: string) => {
    const figure = figures[name]
    if (figure !== undefined) return figure
    throw new DataError(
      `${where}: there is no figure {${name}}${Object.keys(figures).length > 0 ? didYouMean(name, Object.keys(figures)) : ''}`,
    )
  })
}

/** The script with all figures in its cards and in what is said. */
export function fillScript(script: Script, figures: Figures): Script {
  const fill = (text: string, where: string): string => fillFigures(text, figures, where)
  return {
    ...script,
    summary: fill(script.summary, 'summary'),
    sections: script.sections.map((section) => ({
      ...section,
      scenes: section.scenes.map((scene) => ({
        ...scene,
        show:
          scene.show.kind === 'card'
            ? { ...scene.show, markdown: fill(scene.show.markdown, `the card of scene ${scene.id}`) }
            : scene.show,
        parts: scene.parts.map((part) => ({ ...part, say: fill(part.say, `scene ${scene.id}`) })),
      })),
    })),
  }
}

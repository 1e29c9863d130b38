import fs from 'node:fs'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { atomicWriteFile } from '../../../src/io/atomicWrite.js'
import type { Picture } from '../picture.js'
import { root } from '../places.js'
import { screenshot } from '../screenshot.js'
import type { Workshop } from '../workshop.js'

const notebookFile = path.join(root, 'notebooks/grpo-reasoning.ipynb')

/** Marks of what outputs show, in their HTML. */
const outputs = {
  chart: 'img[starts-with(@src, "data:image/")]',
  traces: 'b[following-sibling::text()[contains(., "right") or contains(., "wrong")]]',
  tokens: 'div[contains(text(), "Change in nats") or contains(text(), "Probability when it was sampled")]',
} as const

interface PageRenderer {
  readonly renderNotebookPage: (notebook: unknown, options: { file: string; page: string; summary: string }) => string
}

/** The main notebook with its stored outputs as a page. */
async function notebookPage({ folder }: Workshop): Promise<string> {
  const notebook = JSON.parse(fs.readFileSync(notebookFile, 'utf8')) as { cells: { outputs?: unknown[] }[] }
  if (!notebook.cells.some((cell) => cell.outputs?.length)) {
    throw new Error(`${notebookFile} has no stored outputs; execute it first (npm run notebook)`)
  }
  const script = path.join(root, 'scripts/notebook/html/page.mjs')
  const { renderNotebookPage } = (await import(script)) as PageRenderer
  const page = path.join(folder, 'notebook.html')
  fs.mkdirSync(folder, { recursive: true })
  atomicWriteFile(page, renderNotebookPage(notebook, { file: notebookFile, page, summary: 'grpo-reasoning.ipynb' }))
  return page
}

/** A cell of the notebook: the first below a heading whose output shows such a thing. */
function cell(
  name: string,
  heading: string,
  output: keyof typeof outputs,
  words: { alt: string; caption: string },
  show: { code: boolean; height: number },
): Picture {
  const place = `//*[self::h2 or self::h3][contains(., "${heading}")]/following-sibling::section[.//${outputs[output]}][1]`
  return {
    name,
    describe: () => Promise.resolve({ alt: words.alt, caption: `<sub>${words.caption}</sub>` }),
    async make(workshop, theme) {
      return screenshot(await workshop.browser(), await notebookPage(workshop), theme, {
        width: 1240,
        height: show.height,
        show: async (page: Page) => {
          const section = page.locator(`xpath=${place}`)
          if (show.code) return [section]
          const shown = section.locator(`xpath=(.//*[contains(@class, "rich")][.//${outputs[output]}])[1]`)
          await shown.evaluate((element) => {
            for (const other of [...element.parentElement!.children]) if (other !== element) other.remove()
            // The code would end just above what is shown.
            element.closest('section')!.querySelector('pre')!.style.visibility = 'hidden'
          })
          return [shown]
        },
      })
    },
  }
}

/** What docs/notebooks.md and docs/notebook-outputs.md describe, from the outputs that the notebook is stored with. */
export const notebookPictures: readonly Picture[] = [
  cell(
    'notebook-training',
    'Train',
    'chart',
    {
      alt:
        'A cell of the notebook that trains: a loop over the steps of the trainer, and below it charts of reward, length and other metrics that ' +
        'have grown with each step, with the latest steps as a table.',
      caption: 'A training in a cell: the loop, and the charts that grow with it.',
    },
    { code: true, height: 1100 },
  ),
  cell(
    'notebook-traces',
    'Generate reasoning traces',
    'traces',
    {
      alt:
        'An output of the notebook: completions of one problem side by side, each with whether it is right, its reward and its advantage, ' +
        'thoughts set apart by a line at their left.',
      caption: 'A group of completions by `show.traces`: same problem, different rewards.',
    },
    { code: false, height: 900 },
  ),
  cell(
    'notebook-tokens',
    'Evaluate',
    'tokens',
    {
      alt:
        'An output of the notebook: a completion of the trained model with its tokens coloured, blue where the training made them likelier ' +
        'and orange where it made them less likely.',
      caption: 'A completion by `show.tokens`: blue tokens became likelier by the training, orange ones less likely.',
    },
    { code: false, height: 600 },
  ),
]

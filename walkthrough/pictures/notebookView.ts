import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { PATIENCE } from '../../scripts/chromium.js'
import { LabNotebook } from '../../scripts/lab/labNotebook.js'
import type { JupyterLab } from '../../scripts/lab/labServer.js'
import { GrpoError } from '../../src/errors.js'
import type { Show } from '../text/script.js'
import { aim, Screen, windowOptions } from './screen.js'

type NotebookShow = Extract<Show, { kind: 'notebook' }>

/** A cell, as far as it is needed to find it. */
export interface NotebookCell {
  readonly index: number
  readonly type: 'markdown' | 'code' | 'raw'
  readonly source: string
}

/** What JupyterLab has for programs in its page. */
interface LabWindow {
  jupyterapp: {
    commands: { execute: (command: string, args?: object) => Promise<unknown> }
    shell: {
      currentWidget: {
        content: {
          activeCellIndex: number
          widgets: {
            model: {
              type: NotebookCell['type']
              sharedModel: { getSource: () => string }
              outputs?: { toJSON: () => { output_type: string; ename?: string; evalue?: string }[] }
            }
            promptNode: { textContent: string } | null
          }[]
        }
      }
    }
  }
}

/** What scrolls in JupyterLab. */
const SCROLLER = '.jp-WindowedPanel-outer'

/**
 * The cell that a scene shows: below its heading and above the next one of the same or a higher level, the first code cell that holds
 * its text; without a text the text cell of the heading. Throws a GrpoError that says what is missing.
 */
export function findCell(cells: readonly NotebookCell[], { heading, cell }: NotebookShow, where: string): NotebookCell {
  const level = /^#+/.exec(heading)?.[0].length ?? 0
  const at = cells.findIndex(({ type, source }) => type === 'markdown' && source.split('\n').includes(heading))
  if (level === 0 || at < 0) {
    const headings = cells.flatMap(({ type, source }) => (type === 'markdown' ? (source.match(/^#+ .*$/gm) ?? []) : []))
    throw new GrpoError(`${where}: the notebook has no heading '${heading}'; it has ${headings.join(', ')}`)
  }
  if (cell === null) return cells[at]!
  const ends = new RegExp(`^#{1,${level}} `, 'm')
  const next = cells.findIndex(({ index, type, source }) => index > at && type === 'markdown' && ends.test(source))
  const section = cells.slice(at, next < 0 ? undefined : next)
  const found = section.find(({ type, source }) => type === 'code' && source.includes(cell))
  if (found) return found
  throw new GrpoError(`${where}: no code cell below '${heading}' holds '${cell}'; change walkthrough/script.yaml`)
}

/** The notebook in JupyterLab, as the video shows it. */
export class NotebookView {
  readonly screen: Screen
  readonly #notebook: LabNotebook

  private constructor(notebook: LabNotebook, screen: Screen) {
    this.#notebook = notebook
    this.screen = screen
  }

  static async open(browser: Browser, lab: JupyterLab, file: string): Promise<NotebookView> {
    const notebook = await LabNotebook.open(browser, lab, file, windowOptions())
    await notebook.trust()
    // One document, without the list of files beside it: room for the notebook.
    await notebook.execute('application:set-mode', { mode: 'single-document' })
    await notebook.page.evaluate(async () => {
      const { commands } = (window as unknown as LabWindow).jupyterapp
      if (document.querySelector('#jp-left-stack:not(.lm-mod-hidden)')) {
        await commands.execute('application:toggle-left-area')
      }
    })
    return new NotebookView(notebook, await Screen.of(notebook.page))
  }

  cells(): Promise<NotebookCell[]> {
    return this.screen.page.evaluate(() =>
      (window as unknown as LabWindow).jupyterapp.shell.currentWidget.content.widgets.map(({ model }, index) => ({
        index,
        type: model.type,
        source: model.sharedModel.getSource(),
      })),
    )
  }

  /** Scrolls to a cell, or to its output where it has one. */
  async show({ index }: NotebookCell, part: 'code' | 'output', point: string | null, where: string): Promise<void> {
    const element = await this.screen.page.evaluate(
      ([at, shown]) => {
        const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[at]
        const hasOutput = shown === 'output' && cell?.querySelector('.jp-OutputArea-child')
        document.querySelector('[data-walkthrough]')?.removeAttribute('data-walkthrough')
        cell?.setAttribute('data-walkthrough', '')
        return `[data-walkthrough]${hasOutput ? ' .jp-Cell-outputWrapper' : ''}`
      },
      [index, part] as const,
    )
    await aim(this.screen.page, { scroller: SCROLLER, element, point }, where)
  }

  /** Puts a cell that runs to the top: its output once it has one. Quick, since pictures are being taken. */
  async align({ index }: NotebookCell): Promise<void> {
    await this.screen.page.evaluate(
      ([selector, at]) => {
        const scroller = document.querySelector(selector)
        const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[at]
        const top = (cell?.querySelector('.jp-OutputArea-child') ?? cell)?.getBoundingClientRect().top
        if (scroller && top !== undefined) scroller.scrollTop += top - scroller.getBoundingClientRect().top - 12
      },
      [SCROLLER, index] as const,
    )
  }

  /** Begins to run a cell. */
  async start({ index }: NotebookCell): Promise<void> {
    await this.screen.page.evaluate((at) => {
      const lab = window as unknown as LabWindow
      lab.jupyterapp.shell.currentWidget.content.activeCellIndex = at
      void lab.jupyterapp.commands.execute('notebook:run-cell')
    }, index)
  }

  /** Whether it has run. Throws a GrpoError when it failed. */
  async isDone({ index, source }: NotebookCell): Promise<boolean> {
    const { prompt, error } = await this.screen.page.evaluate((at) => {
      const { model, promptNode } = (window as unknown as LabWindow).jupyterapp.shell.currentWidget.content.widgets[at]!
      const failed = model.outputs?.toJSON().find(({ output_type }) => output_type === 'error')
      return { prompt: promptNode?.textContent ?? '', error: failed ? `${failed.ename}: ${failed.evalue}` : null }
    }, index)
    if (error !== null) throw new GrpoError(`the notebook's cell '${source.slice(0, 120)} …' failed: ${error}`)
    return /\d/.test(prompt)
  }

  /** Waits until a cell has run. */
  async finish(cell: NotebookCell): Promise<void> {
    const deadline = performance.now() + PATIENCE
    while (!(await this.isDone(cell))) {
      if (performance.now() > deadline) {
        throw new GrpoError(
          `the notebook's cell '${cell.source.slice(0, 120)} …' runs for more than ${PATIENCE / 60_000} minutes`,
        )
      }
      await sleep(200)
    }
  }

  async save(): Promise<void> {
    await this.#notebook.save()
  }

  async close(): Promise<void> {
    await this.#notebook.close()
  }
}

import assert from 'node:assert/strict'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { PATIENCE } from '../chromium.js'
import { ask } from './labServer.js'
import type { JupyterLab } from './labServer.js'

const repository = path.resolve(import.meta.dirname, '../..')

/** A code cell as the reader sees it. */
export interface LabCell {
  /** Among all cells. */
  readonly index: number
  /** `[*]:` while it runs or waits. */
  readonly prompt: string
  readonly source: string
  readonly outputs: readonly {
    output_type: string
    name?: string
    text?: string | string[]
    ename?: string
    evalue?: string
  }[]
}

/** What JupyterLab is asked for by its commands. */
interface LabWindow {
  jupyterapp: {
    commands: { execute: (command: string, args?: object) => Promise<unknown> }
    shell: {
      currentWidget: {
        sessionContext: { kernelDisplayName: string; session: { kernel: { status: string } } | null }
        content: {
          activeCellIndex: number
          widgets: {
            model: {
              type: string
              sharedModel: { getSource: () => string }
              outputs: { toJSON: () => LabCell['outputs'] }
            }
            promptNode: { textContent: string } | null
          }[]
        }
      }
    }
  }
  runOfTheTest: string
}

/** A notebook that is open in a page. */
export class LabNotebook {
  readonly page: Page
  readonly #lab: JupyterLab
  readonly #path: string

  private constructor(page: Page, lab: JupyterLab, file: string) {
    this.page = page
    this.#lab = lab
    this.#path = path.relative(repository, file).split(path.sep).join('/')
  }

  /** Opens a file of the repository in a window of its own. */
  static async open(
    browser: Browser,
    lab: JupyterLab,
    file: string,
    options: BrowserContextOptions = { viewport: { width: 1300, height: 1500 } },
  ): Promise<LabNotebook> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    page.on('dialog', (dialog) => void dialog.accept().catch(() => null)) // unsaved changes
    const notebook = new LabNotebook(page, lab, file)
    await notebook.reload()
    return notebook
  }

  /** Opens the page anew and waits for the kernel. */
  async reload(): Promise<void> {
    await this.page.goto(`${this.#lab.url}/lab/tree/${this.#path}?token=${this.#lab.token}&reset`)
    await this.page.waitForFunction(() => {
      try {
        const { currentWidget } = (window as unknown as LabWindow).jupyterapp.shell
        return currentWidget.sessionContext.session?.kernel.status === 'idle'
      } catch {
        return false // parts are missing yet
      }
    }, null)
  }

  kernelName(): Promise<string> {
    return this.page.evaluate(
      () => (window as unknown as LabWindow).jupyterapp.shell.currentWidget.sessionContext.kernelDisplayName,
    )
  }

  execute(command: string, args: object = {}): Promise<unknown> {
    return this.page.evaluate(
      async ([name, given]) => {
        await (window as unknown as LabWindow).jupyterapp.commands.execute(name, given)
      },
      [command, args] as const,
    )
  }

  /** Lets the scripts of saved outputs run, which a dialog asks about. */
  async trust(): Promise<void> {
    void this.execute('notebook:trust').catch(() => null) // ends with its dialog
    await this.page.click('.jp-Dialog .jp-mod-accept')
    await this.page.waitForSelector('.jp-Dialog', { state: 'detached' })
  }

  /** Begins to run all cells, or one. */
  start(cell?: number): Promise<void> {
    return cell === undefined ? this.#start('notebook:run-all-cells', 0) : this.#start('notebook:run-cell', cell)
  }

  /** Begins to run a cell and all below it. */
  startFrom(cell: number): Promise<void> {
    return this.#start('notebook:run-all-below', cell)
  }

  #start(command: string, cell: number): Promise<void> {
    return this.page.evaluate(
      ([name, index]) => {
        const lab = window as unknown as LabWindow
        lab.jupyterapp.shell.currentWidget.content.activeCellIndex = index
        lab.runOfTheTest = 'running'
        lab.jupyterapp.commands.execute(name).then(
          () => {
            lab.runOfTheTest = 'done'
          },
          (error: unknown) => {
            lab.runOfTheTest = String(error)
          },
        )
      },
      [command, cell] as const,
    )
  }

  async isRunning(): Promise<boolean> {
    const state = await this.page.evaluate(() => (window as unknown as LabWindow).runOfTheTest)
    return state === 'running' || (await this.cells()).some(({ prompt }) => prompt.includes('*'))
  }

  /** Waits until nothing runs any more. */
  async finish(): Promise<void> {
    const deadline = performance.now() + PATIENCE
    while (await this.isRunning()) {
      const waiting = (await this.cells()).filter(({ prompt }) => prompt.includes('*'))
      assert.ok(performance.now() < deadline, `there still runs: ${waiting[0]?.source ?? 'no cell'}`)
      await sleep(300)
    }
  }

  cells(): Promise<LabCell[]> {
    return this.page.evaluate(() =>
      (window as unknown as LabWindow).jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, index) =>
        cell.model.type === 'code'
          ? [
              {
                index,
                prompt: cell.promptNode?.textContent ?? '',
                source: cell.model.sharedModel.getSource(),
                outputs: cell.model.outputs.toJSON(),
              },
            ]
          : [],
      ),
    )
  }

  async findCell(text: string): Promise<LabCell> {
    const cell = (await this.cells()).find(({ source }) => source.includes(text))
    assert.ok(cell, `no cell contains ${text}`)
    return cell
  }

  /** Errors of cells; plain tslab writes them to stderr. */
  async errors(): Promise<string[]> {
    return (await this.cells()).flatMap(({ index, outputs }) =>
      outputs.flatMap(({ output_type, name, text, ename, evalue }) => {
        if (output_type === 'error') return [`cell ${index}: ${ename}: ${evalue}`]
        const printed = name === 'stderr' ? [text ?? ''].flat().join('') : ''
        return /\w*Error\b|^\d+:\d+ - /m.test(printed) ? [`cell ${index}: ${printed.slice(0, 500)}`] : []
      }),
    )
  }

  /** Points of the first curve of each chart that Plotly has drawn. */
  charts(): Promise<number[]> {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('.jp-Notebook .js-plotly-plot')]
        .filter((chart) => chart.querySelector('.main-svg') && chart.getBoundingClientRect().width > 100)
        .map((chart) => (chart as unknown as { data: { y: unknown[] }[] }).data[0]!.y.length),
    )
  }

  /** Points of the first curve of the first chart below a cell; 0 when there is none. */
  chartPoints(cell: number): Promise<number> {
    return this.#cell(cell).evaluate((element) => {
      const chart = element.querySelector('.js-plotly-plot')
      return chart ? ((chart as unknown as { data?: { y: unknown[] }[] }).data?.[0]?.y.length ?? 0) : 0
    })
  }

  /** Scrolls to a cell. */
  show(cell: number): Promise<void> {
    return this.#cell(cell).scrollIntoViewIfNeeded()
  }

  #cell(index: number): Locator {
    return this.page.locator('.jp-Notebook .jp-Cell').nth(index)
  }

  /** Pictures that stand for charts. */
  pictures(): Promise<number> {
    return this.page.evaluate(
      () =>
        [...document.querySelectorAll<HTMLImageElement>('.jp-Notebook .jp-OutputArea img')].filter(
          ({ naturalWidth }) => naturalWidth > 0,
        ).length,
    )
  }

  /** Keeps what the reader sees, in runs/lab-screenshots. */
  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: path.join(repository, 'runs/lab-screenshots', `${name}.png`) })
  }

  /** Keeps all cells, a screen at a time. */
  async screenshotCells(name: string): Promise<void> {
    const scroller = this.page.locator('.jp-WindowedPanel-outer').first()
    const screens = await scroller.evaluate((element) => Math.ceil(element.scrollHeight / element.clientHeight))
    for (let screen = 0; screen < screens; screen++) {
      await scroller.evaluate((element, at) => {
        element.scrollTop = at * element.clientHeight
      }, screen)
      await this.page.waitForTimeout(400) // charts that come into sight are drawn
      await this.screenshot(`${name}-${String(screen + 1).padStart(2, '0')}`)
    }
  }

  async save(): Promise<void> {
    await this.execute('docmanager:save')
  }

  /** Closes the page and ends the kernel. */
  async close(): Promise<void> {
    await this.page.context().close()
    const sessions = (await (await ask(this.#lab, 'GET', 'sessions')).json()) as { id: string; path: string }[]
    for (const { id, path: opened } of sessions) {
      if (opened === this.#path) await ask(this.#lab, 'DELETE', `sessions/${id}`)
    }
  }
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { findFreePort } from '../freePort.js'
import { PATIENCE } from './chromium.js'
import type { Browser, Locator, Page } from 'playwright-core'

const repository = path.resolve(import.meta.dirname, '../..')

/** A JupyterLab as `npm run lab` starts it, that of .jupyter-venv, with fresh settings: no notebook is trusted yet. */
export interface JupyterLab {
  readonly url: string
  readonly token: string
  readonly process: ChildProcess
  readonly home: string
}

/** Starts it, or returns why there is none here. */
export async function startJupyterLab(): Promise<JupyterLab | string> {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-lab-'))
  const settings = path.join(home, 'lab/user-settings/@jupyterlab/apputils-extension')
  fs.mkdirSync(settings, { recursive: true })
  const quiet = { fetchNews: 'false', checkForUpdates: false } // no pop-up, no request to anywhere
  fs.writeFileSync(path.join(settings, 'notification.jupyterlab-settings'), JSON.stringify(quiet))
  const token = randomBytes(16).toString('hex')
  const port = await findFreePort()
  const options = [
    '--venv',
    '--no-browser',
    '--ip=127.0.0.1',
    `--port=${port}`,
    '--ServerApp.port_retries=0',
    '--ContentsManager.allow_hidden=True',
    '--LabApp.extension_manager=readonly',
    '--LabApp.expose_app_in_browser=True',
    `--IdentityProvider.token=${token}`,
    ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
  ]
  const folders = ['JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR', 'IPYTHONDIR'].map((name) => [
    name,
    home,
  ])
  const child = spawn(process.execPath, [path.join(repository, 'scripts/lab.mjs'), ...options], {
    env: { ...process.env, ...(Object.fromEntries(folders) as Record<string, string>) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      log += data.toString()
    })
  }
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 3000 && child.exitCode === null; tries++) {
    const isUp = await fetch(`${url}/api`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) return { url, token, process: child, home }
    await sleep(200)
  }
  child.kill('SIGKILL')
  return log.slice(-2000)
}

/** A JupyterLab for the tests of a suite, which are skipped where there can be none. */
export function useJupyterLab(): () => JupyterLab {
  let lab: JupyterLab | null = null
  before(async function () {
    const started = await startJupyterLab()
    if (typeof started !== 'string') {
      lab = started
      return
    }
    console.log(`skipped: there is no JupyterLab here and none could be installed\n${started}`)
    this.skip()
  })
  after(async function () {
    if (lab) await stopJupyterLab(lab)
  })
  return () => lab!
}

async function stopJupyterLab(lab: JupyterLab): Promise<void> {
  const kernels = (await (await ask(lab, 'GET', 'kernels')).json()) as { id: string }[]
  for (const { id } of kernels) await ask(lab, 'DELETE', `kernels/${id}`)
  const ended = new Promise((resolve) => lab.process.once('exit', resolve))
  lab.process.kill('SIGTERM')
  await Promise.race([ended, sleep(10_000)])
  lab.process.kill('SIGKILL')
  fs.rmSync(lab.home, { recursive: true, force: true })
}

export function ask({ url, token }: JupyterLab, method: string, name: string): Promise<Response> {
  return fetch(`${url}/api/${name}`, { method, headers: { Authorization: `token ${token}` } })
}

/**
 * Writes a copy of a notebook below notebooks/, where its imports are found, with parameters set; its folder is removed after the
 * suite. Returns the file.
 */
export function useNotebookCopies(): (notebook: object, parameters?: readonly string[]) => Promise<string> {
  let folder = ''
  before(() => {
    folder = fs.mkdtempSync(path.join(repository, 'notebooks/.lab-test-'))
  })
  after(() => {
    fs.rmSync(folder, { recursive: true, force: true })
  })
  let count = 0
  return async (notebook, parameters = []) => {
    const module = path.join(repository, 'scripts/notebook/parameters.mjs')
    const { injectParameters, parseParameter } = (await import(pathToFileURL(module).href)) as {
      injectParameters: (notebook: object, parameters: readonly object[]) => void
      parseParameter: (parameter: string) => object
    }
    const copy = structuredClone(notebook)
    injectParameters(copy, parameters.map(parseParameter))
    const file = path.join(folder, `notebook-${++count}.ipynb`)
    fs.writeFileSync(file, JSON.stringify(copy))
    return file
  }
}

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

  static async open(browser: Browser, lab: JupyterLab, file: string): Promise<LabNotebook> {
    const context = await browser.newContext({ viewport: { width: 1300, height: 1500 } })
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

  execute(command: string): Promise<unknown> {
    return this.page.evaluate(async (name) => {
      await (window as unknown as LabWindow).jupyterapp.commands.execute(name)
    }, command)
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

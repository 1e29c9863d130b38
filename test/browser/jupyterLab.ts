import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { startJupyterLab, stopJupyterLab } from '../../scripts/lab/labServer.js'
import type { JupyterLab } from '../../scripts/lab/labServer.js'

const repository = path.resolve(import.meta.dirname, '../..')

/** A JupyterLab for the tests of a suite, which are skipped where there can be none. */
export function useJupyterLab(): () => JupyterLab {
  let lab: JupyterLab | null = null
  before(async function () {
    const started = await startJupyterLab({ venv: true })
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

import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import type { JupyterLab } from '../../scripts/lab/labServer.js'
import { GrpoError } from '../../src/errors.js'
import { atomicWriteJson } from '../../src/io/atomicWrite.js'
import { readJson } from '../../src/io/readJsonFile.js'
import { findCell, NotebookView } from '../pictures/notebookView.js'
import type { NotebookCell } from '../pictures/notebookView.js'
import type { Scene } from '../text/script.js'
import { recordClip } from './clip.js'

/** The notebook of the walkthrough. */
export const NOTEBOOK = path.resolve(import.meta.dirname, '../../notebooks/grpo-reasoning.ipynb')

interface NotebookFile {
  cells: {
    cell_type: NotebookCell['type']
    source: string | string[]
    outputs?: unknown[]
    execution_count?: number | null
  }[]
}

/** Where the executed notebook is kept in a recording's folder. */
export function recordedNotebook(folder: string): string {
  return path.join(folder, 'grpo-reasoning.ipynb')
}

/** The cells of the notebook as it is in the repository. */
export function readCells(): NotebookCell[] {
  const { cells } = readJson(NOTEBOOK) as NotebookFile
  return cells.map(({ cell_type: type, source }, index) => ({ index, type, source: [source].flat().join('') }))
}

/** Checks that the notebook has every cell that the script shows. Throws a GrpoError that names the first that it has not. */
export function checkScenes(scenes: readonly Scene[], cells: readonly NotebookCell[]): void {
  for (const { id, title, show } of scenes) {
    if (show.kind === 'notebook') findCell(cells, show, `scene ${id}, ${title}`)
  }
}

/**
 * Runs a copy of the notebook in JupyterLab, a cell after the other, takes pictures while the cells run that scenes show running, and
 * saves the copy with its outputs. `parameters` are `name=value`. Throws a GrpoError when a cell fails.
 */
export async function recordNotebook(
  browser: Browser,
  lab: JupyterLab,
  {
    file,
    scenes,
    folder,
    parameters,
  }: { file: string; scenes: readonly Scene[]; folder: string; parameters: readonly string[] },
): Promise<void> {
  const notebook = readJson(file) as NotebookFile
  for (const cell of notebook.cells)
    if (cell.cell_type === 'code') Object.assign(cell, { outputs: [], execution_count: null })
  await setParameters(notebook, parameters)
  fs.rmSync(path.join(folder, 'runs/notebook'), { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  atomicWriteJson(recordedNotebook(folder), notebook)

  const view = await NotebookView.open(browser, lab, recordedNotebook(folder))
  try {
    const cells = await view.cells()
    const running = new Map(
      scenes.flatMap(({ id, title, show }) => {
        if (show.kind !== 'notebook' || !show.isRun) return []
        const cell = findCell(cells, show, `scene ${id}, ${title}`)
        if (cell.type !== 'code')
          throw new GrpoError(`scene ${id}, ${title}: only a code cell can run; give the scene a cell`)
        return [[cell.index, id] as const]
      }),
    )
    const code = cells.filter(({ type }) => type === 'code')
    for (const [i, cell] of code.entries()) {
      const id = running.get(cell.index)
      const begun = performance.now()
      if (id === undefined) {
        await view.start(cell)
        await view.finish(cell)
      } else {
        await view.show(cell, 'code', null, `scene ${id}`)
        await view.start(cell)
        const take = async (file: string): Promise<void> => {
          await view.align(cell)
          await view.screen.take(file)
        }
        await recordClip(clipFolder(folder, id), take, () => view.isDone(cell))
      }
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      console.error(
        `cell ${i + 1} of ${code.length}: ${seconds} s${id === undefined ? '' : `, recorded for scene ${id}`}`,
      )
    }
    await view.save()
  } finally {
    await view.close()
  }
}

/** Sets parameters of a notebook as `npm run notebook` does. */
async function setParameters(notebook: NotebookFile, parameters: readonly string[]): Promise<void> {
  const module = path.resolve(import.meta.dirname, '../../scripts/notebook/parameters.mjs')
  const { injectParameters, parseParameter } = (await import(pathToFileURL(module).href)) as {
    injectParameters: (notebook: object, parameters: readonly object[]) => void
    parseParameter: (parameter: string) => object
  }
  injectParameters(notebook, parameters.map(parseParameter))
}

/** Where the pictures are kept that were taken while a scene's cell ran. */
export function clipFolder(folder: string, sceneId: string): string {
  return path.join(folder, 'clips', sceneId)
}

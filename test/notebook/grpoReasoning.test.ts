import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { readNotebook, runScript, streamText, temporaryFolder } from './programs.js'
import type { Cell, Notebook } from './programs.js'

const root = path.resolve(import.meta.dirname, '../..')
const steps = 4

/** The rows of the first table that a cell displays, the head first. */
function tableRows(cell: Cell): string[][] {
  const html = displays(cell).find((text) => text.includes('<table>')) ?? ''
  const table = /<table>.*?<\/table>/s.exec(html)?.[0] ?? ''
  return [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map((row) =>
    [...row[1]!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map((cell) => cell[1]!),
  )
}

function displays(cell: Cell): string[] {
  return (cell.outputs ?? []).flatMap((output) => Object.values(output.data ?? {}))
}

/** The cell whose source contains a text. */
function findCell(notebook: Notebook, text: string): Cell {
  const cell = notebook.cells.find(({ cell_type, source }) => cell_type === 'code' && source.join('').includes(text))
  assert.ok(cell, `no cell contains ${text}`)
  return cell
}

describe('notebooks/grpo-reasoning.ipynb', () => {
  const folder = temporaryFolder()
  const notebooks = new Map<string, Notebook>()
  const runFolder = (kernel: string): string => path.join(folder.path, kernel)
  const execute = async (kernel: string, options: readonly string[]): Promise<void> => {
    const out = path.join(folder.path, `${kernel}.ipynb`)
    const { status, stderr } = await runScript('run-notebook.mjs', [
      ...[path.join(root, 'notebooks/grpo-reasoning.ipynb'), out, '--quiet', ...options],
      ...['-p', `maxSteps=${steps}`, '-p', `outputDir=${runFolder(kernel)}`],
    ])
    assert.equal(status, 0, stderr)
    notebooks.set(kernel, readNotebook(out))
  }
  before(async () => {
    assert.ok(fs.existsSync(path.join(root, 'dist/index.js')), 'dist/ is missing: npm run build')
    await Promise.all([execute('repaired', []), execute('stock', ['--stock'])])
  })
  after(folder.remove)

  for (const kernel of ['repaired', 'stock']) {
    describe(`in the ${kernel} kernel`, () => {
      let notebook: Notebook
      before(() => {
        notebook = notebooks.get(kernel)!
      })

      it('has the seven steps in their order', () => {
        const headings = notebook.cells.map(({ source }) => /^## (\d)\. /.exec(source[0] ?? '')?.[1])
        assert.deepEqual(headings.filter(Boolean), ['1', '2', '3', '4', '5', '6', '7'])
      })

      it('puts nothing on stderr', () => {
        assert.equal(notebook.cells.map((cell) => streamText(cell, 'stderr')).join(''), '')
      })

      it('names the backend', () => {
        assert.match(streamText(findCell(notebook, 'selectBackend')), /^backend: (cpu|reference), .+$/m)
      })

      it('works out the advantages of a group as the library does', () => {
        const [head, ...rows] = tableRows(findCell(notebook, 'computeAdvantages'))
        assert.deepEqual(head!.slice(-2), ['advantage by hand', 'advantage'])
        assert.equal(rows.length, 16)
        assert.ok(rows.some((row) => Number(row.at(-1)) !== 0))
        for (const row of rows) assert.equal(row.at(-2), row.at(-1))
      })

      it('draws each step of the training in one place', () => {
        const cell = findCell(notebook, 'for await')
        assert.equal(displays(cell).length, 1)
        assert.match(displays(cell)[0]!, new RegExp(`step ${steps} of ${steps}`))
        assert.match(displays(cell)[0]!, /<img [^>]*src="data:image\/svg\+xml;base64,/)
        assert.equal(tableRows(cell).length, 1 + steps)
      })

      it('evaluates base and trained model on the same problems', () => {
        const rows = tableRows(findCell(notebook, 'only trained right')).slice(1)
        assert.deepEqual(
          rows.map((row) => row.slice(0, 2)),
          [
            ['trained on', 'base'],
            ['trained on', 'trained'],
            ['held out', 'base'],
            ['held out', 'trained'],
          ],
        )
      })

      it('saves an adapter that gives the same log-probabilities when it is loaded again', () => {
        assert.ok(fs.existsSync(path.join(runFolder(kernel), 'adapter/adapter_model.safetensors')))
        assert.match(streamText(findCell(notebook, 'saveAdapter')), /after loading it again: 0\n/)
      })
    })
  }
})

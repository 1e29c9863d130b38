import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { readNotebook, runScript, streamText, temporaryFolder } from './programs.js'
import type { Cell, Notebook } from './programs.js'

/** One sitting. */
const MOST_CELLS = 45
const MOST_LINES_OF_CODE = 500

const root = path.resolve(import.meta.dirname, '../..')
const steps = 4

/** The outputs of a cell as HTML or Markdown. */
function displays(cell: Cell): string[] {
  return (cell.outputs ?? []).flatMap(({ data = {} }) => data['text/html'] ?? data['text/markdown'] ?? [])
}

/** The rows of the first table of a cell that has a column, the head first. */
function tableRows(cell: Cell, column: string): string[][] {
  const tables = displays(cell).flatMap((html) => [...html.matchAll(/<table.*?<\/table>/gs)].map(([table]) => table))
  const found = tables.map((table) =>
    [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
      [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, text]) => text!),
    ),
  )
  const table = found.find(([head]) => head!.includes(column))
  assert.ok(table, `no table has a column ${column}`)
  return table
}

/** The values of a column, without its head. */
function column(cell: Cell, name: string): string[] {
  const [head, ...rows] = tableRows(cell, name)
  return rows.map((row) => row[head!.indexOf(name)]!)
}

describe('notebooks/grpo-reasoning.ipynb', () => {
  const folder = temporaryFolder()
  const runFolder = path.join(folder.path, 'run')
  let notebook: Notebook

  /** The cell whose source contains a text. */
  function findCell(text: string): Cell {
    const cell = notebook.cells.find(({ cell_type, source }) => cell_type === 'code' && source.join('').includes(text))
    assert.ok(cell, `no cell contains ${text}`)
    return cell
  }

  before(async () => {
    assert.ok(fs.existsSync(path.join(root, 'dist/index.js')), 'dist/ is missing: npm run build')
    const out = path.join(folder.path, 'executed.ipynb')
    const { status, stderr } = await runScript('run-notebook.mjs', [
      path.join(root, 'notebooks/grpo-reasoning.ipynb'),
      out,
      '--quiet',
      '-p',
      `maxSteps=${steps}`,
      '-p',
      `outputDir=${runFolder}`,
      '-p',
      'interludes=false',
      '-p',
      'problemsPerStep=4',
      '-p',
      'evaluationProblems=8',
    ])
    assert.equal(status, 0, stderr)
    notebook = readNotebook(out)
  })
  after(folder.remove)

  it('can be read in one sitting', () => {
    // As it is kept: an executed one has a cell more, with the parameters that it was given.
    const { cells } = readNotebook(path.join(root, 'notebooks/grpo-reasoning.ipynb'))
    const code = cells.filter(({ cell_type }) => cell_type === 'code')
    const lines = code.reduce((sum, { source }) => sum + source.length, 0)
    assert.ok(cells.length <= MOST_CELLS, `${cells.length} cells`)
    assert.ok(lines <= MOST_LINES_OF_CODE, `${lines} lines of code`)
    // Nothing is gained by lines that have to be scrolled.
    const longest = Math.max(...code.flatMap(({ source }) => source.map((line) => line.trimEnd().length)))
    assert.ok(longest <= 180, `a line of ${longest} characters`)
  })

  it('has the seven steps in their order', () => {
    const headings = notebook.cells.map(({ source }) => /^## (\d)\. /.exec(source[0] ?? '')?.[1])
    assert.deepEqual(headings.filter(Boolean), ['1', '2', '3', '4', '5', '6', '7'])
  })

  it('puts nothing on stderr', () => {
    assert.equal(notebook.cells.map((cell) => streamText(cell, 'stderr')).join(''), '')
  })

  it('names the backend', () => {
    assert.match(displays(findCell('selectEngine()')).join(''), /(cpu|reference): \w/)
  })

  it('works out the advantages of a group as the library does', () => {
    const cell = findCell('largestDifference =')
    const byHand = column(cell, 'advantage by hand')
    assert.equal(byHand.length, 8)
    assert.ok(byHand.some((value) => value !== '0'))
    assert.deepEqual(byHand, column(cell, 'advantage of the library'))
  })

  it('stops the training in one cell and goes on in a later one', () => {
    const cells = notebook.cells.filter(({ source }) => source.join('').includes('of untilInterrupted(trainer)'))
    assert.equal(cells.length, 2)
    assert.deepEqual(column(cells[0]!, 'step'), ['1'])
    assert.deepEqual(column(cells[1]!, 'step'), ['1', '2', '3', '4'])
    for (const cell of cells) {
      assert.equal(displays(cell).length, 2, 'charts and table, each in one place')
      assert.match(displays(cell)[0]!, /<img [^>]*src="data:image\/svg\+xml;base64,/)
    }
  })

  it('measures that the mean of the group takes away the variance that a constant in the rewards brings', () => {
    const cell = findCell('gradientVariance(')
    const [plain, shifted, relative] = column(cell, 'variance of the gradient').map(Number)
    assert.ok(shifted! > 10 * relative! && shifted! > 10 * plain!, column(cell, 'variance of the gradient').join(', '))
  })

  it('evaluates base and trained model on the same problems', () => {
    const cell = findCell('show.evaluation(evaluation')
    const rows = tableRows(cell, 'trained')
    assert.match(rows.find(([name]) => name === 'Accuracy')![1]!, /^\d+\.\d % \(\d/)
    assert.equal(column(cell, 'number').length, 4, 'the usual problems and three harder sets')
    const { policies, problems } = JSON.parse(fs.readFileSync(path.join(runFolder, 'eval.json'), 'utf8')) as {
      policies: { name: string }[]
      problems: unknown[]
    }
    assert.deepEqual(
      policies.map(({ name }) => name),
      ['base', 'trained'],
    )
    assert.equal(problems.length, 8)
  })

  it('saves an adapter that gives the same log-probabilities when it is loaded again, and says what a push would send', () => {
    assert.ok(fs.existsSync(path.join(runFolder, 'adapter/adapter_model.safetensors')))
    const cell = findCell('pushToHub({')
    assert.match(displays(cell).join(''), /after loading the adapter again: 0\./)
    assert.ok(column(cell, 'file').includes('README.md'))
    assert.match(fs.readFileSync(path.join(runFolder, 'config.yaml'), 'utf8'), /^num_generations: 8$/m)
  })

  it('ticks off what was done, and nothing else', () => {
    const rows = tableRows(findCell('show.checklist('), 'evidence')
    const item = (name: string): string[] => rows.find((row) => row[1] === name)!
    assert.deepEqual(item('Training completed'), ['✓', 'Training completed', '4 of 4 steps'])
    assert.equal(item('Model loaded (1B+ parameters recommended)')[0], '✗')
    assert.equal(item('Several reasoning traces for each problem')[0], '✓')
    assert.ok(!rows.some(([, name]) => name!.startsWith('Provoked')), 'the interludes were left out')
  })
})

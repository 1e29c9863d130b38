// The command line of run-notebook.mjs.
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readNotebook } from './notebookFile.mjs'
import { injectParameters, parameterNames, parseParameter } from './parameters.mjs'

export const usage = `usage: npm run notebook -- [NOTEBOOK.ipynb] [OUT.ipynb] [options]

  NOTEBOOK             default: notebooks/grpo-reasoning.ipynb
  OUT                  the executed notebook; default: runs/notebooks/NAME.ipynb; OUT.html, the same as a page, is written beside it
  --all                all notebooks of notebooks/, one after the other
  --store              writes the outputs into NOTEBOOK itself too, in the form in which notebooks/ is kept (needs Chromium for the
                       pictures of charts); outputs that differ in times alone stay as they are
  --check              says where the outputs are not those that NOTEBOOK holds, times and sizes in bytes aside
  -p, --param NAME=VALUE   sets a variable of the cell tagged "parameters"; may be repeated; with --all, where there is such a variable
  --timeout SECONDS    per cell; default: none
  --keep-going         run the cells after a failed one too
  --quiet              print failures only
  --stock              plain tslab instead of the repaired kernel (jupyter/kernels/tslab-stock, jupyter/kernels/tslab)

Ctrl-C interrupts the running cell, as ■ does in JupyterLab, and writes what there is; a second one ends the program at once.

exit code: 0 all cells ran, 1 a cell failed or --check found a difference, 2 wrong usage, 3 the kernel did not start, 130 interrupted`

const root = path.resolve(import.meta.dirname, '../..')
const notebooksFolder = path.join(root, 'notebooks')

/** The notebooks to run with the files that they are written to, and their parameters set. */
function readJobs(values, positionals) {
  if (positionals.length > 2) throw new Error(`expected at most two files, got ${positionals.join(' ')}`)
  if (values.all && positionals.length > 0) throw new Error(`--all: expected no file, got ${positionals.join(' ')}`)
  const files = values.all
    ? fs.readdirSync(notebooksFolder).filter((name) => name.endsWith('.ipynb')).map((name) => path.join(notebooksFolder, name)) // prettier-ignore
    : [path.resolve(positionals[0] ?? path.join(notebooksFolder, 'grpo-reasoning.ipynb'))]
  const jobs = files.map((file) => ({
    file,
    notebook: readNotebook(file),
    out: path.resolve(positionals[1] ?? path.join('runs/notebooks', path.basename(file))),
  }))
  for (const { file, out } of jobs) {
    if (!out.endsWith('.ipynb')) throw new Error(`${out}: expected a file that ends with .ipynb`)
    if (out === file) throw new Error(`${out}: the notebook itself would be overwritten; name another file`)
  }

  for (const name of ['store', 'check']) {
    if (values[name] && values.param.length > 0)
      throw new Error(`--${name}: expected no -p, what is stored is what the cells say`)
  }
  if (values.param.length > 0) setParameters(jobs, values.param.map(parseParameter))
  return jobs
}

/** Sets parameters in each notebook that has them; one that none has is an error. */
function setParameters(jobs, parameters) {
  const known = jobs.map(({ notebook }) => parameterNames(notebook))
  for (const { name } of parameters) {
    if (known.some((names) => names.includes(name))) continue
    const names = [...new Set(known.flat())].join(', ') || 'none, as no cell is tagged "parameters"'
    throw new Error(`-p ${name}: no such parameter; there are: ${names}`)
  }
  for (const [index, { notebook }] of jobs.entries()) {
    injectParameters(
      notebook,
      parameters.filter(({ name }) => known[index].includes(name)),
    )
  }
}

/**
 * @param {string[]} args
 * @returns what to run and how, or null when help is asked for
 * @throws Error for a wrong command line or a notebook that cannot be read
 */
export function readCommandLine(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      store: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      param: { type: 'string', short: 'p', multiple: true, default: [] },
      timeout: { type: 'string' },
      'keep-going': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      stock: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  const timeout = Number(values.timeout ?? Infinity)
  if (!(timeout > 0)) throw new Error(`--timeout ${values.timeout}: expected a number of seconds above 0`)
  if (values.store && values.check) throw new Error('--store --check: expected one of them')
  const { quiet, 'keep-going': keepGoing, stock, store, check } = values
  return { jobs: readJobs(values, positionals), timeout, keepGoing, quiet, stock, store, check }
}

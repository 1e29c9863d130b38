// Opens the notebooks in JupyterLab with the TypeScript kernel of this repository.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { findJupyterLab, installJupyterLab, JupyterLabError } from './lab/jupyterLab.mjs'

const usage = `usage: npm run lab -- [NOTEBOOK.ipynb] [--venv] [options of jupyter lab]

  NOTEBOOK   what to open; default: notebooks/grpo-reasoning.ipynb
  --venv     use the JupyterLab of .jupyter-venv/, which is installed at its first use, even when another one is on the PATH
  other options go to JupyterLab, such as --no-browser, --port 9999 and --ip 0.0.0.0

exit code: JupyterLab's own; 2 wrong usage, 3 there is no JupyterLab and none could be installed`

const root = path.resolve(import.meta.dirname, '..')

/** @returns {{ notebook: string, venv: boolean, labOptions: string[] }} the notebook's path from the root, as in a URL */
function readCommandLine(args) {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    process.exit(0)
  }
  const notebooks = args.filter((arg) => arg.endsWith('.ipynb') && !arg.startsWith('-'))
  if (notebooks.length > 1) throw new Error(`expected one notebook, got ${notebooks.join(' ')}`)
  const file = path.resolve(notebooks[0] ?? path.join(root, 'notebooks/grpo-reasoning.ipynb'))
  const notebook = path.relative(root, file)
  if (!fs.existsSync(file)) throw new Error(`${file}: no such file`)
  if (notebook.startsWith('..'))
    throw new Error(`${file}: expected a notebook below ${root}, where its imports are found`)
  return {
    notebook: notebook.split(path.sep).map(encodeURIComponent).join('/'),
    venv: args.includes('--venv'),
    labOptions: args.filter((arg) => arg !== '--venv' && !notebooks.includes(arg)),
  }
}

/** Where Jupyter looks for kernels, and which Node runs them. */
function environment() {
  const before = (folder, list) => (list ? `${folder}${path.delimiter}${list}` : folder)
  return {
    ...process.env,
    JUPYTER_PATH: before(path.join(root, 'jupyter'), process.env.JUPYTER_PATH),
    PATH: before(path.dirname(process.execPath), process.env.PATH),
  }
}

let options
let command
try {
  options = readCommandLine(process.argv.slice(2))
} catch (error) {
  console.error(`${error.message}\n\n${usage}`)
  process.exit(2)
}
try {
  command = (options.venv ? null : findJupyterLab()) ?? installJupyterLab((message) => console.error(message))
} catch (error) {
  if (!(error instanceof JupyterLabError)) throw error
  console.error(error.message)
  process.exit(3)
}
console.error(`Starting ${command} with the kernels of ${path.join(root, 'jupyter')}; Ctrl-C ends it.`)
// JupyterLab refuses to run as root, as in a container, unless it is told to.
const asRoot = process.getuid?.() === 0 && !options.labOptions.includes('--allow-root') ? ['--allow-root'] : []
const lab = spawn(
  command,
  [
    `--ServerApp.root_dir=${root}`,
    `--LabApp.default_url=/lab/tree/${options.notebook}`,
    ...asRoot,
    ...options.labOptions,
  ],
  { cwd: root, env: environment(), stdio: 'inherit' },
)
// A terminal sends Ctrl-C to JupyterLab too, which asks before it ends.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => lab.kill('SIGTERM'))
lab.once('error', (error) => {
  console.error(`${command} did not start: ${error.message}`)
  process.exitCode = 3
})
lab.once('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGTERM' ? 143 : 1)
})

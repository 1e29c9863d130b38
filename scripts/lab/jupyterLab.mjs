// Finds a JupyterLab, or makes a virtual environment with one in the repository.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const requirements = path.join(root, 'jupyter/requirements.txt')
const oldestPython = [3, 11]
const oldestLab = 4

/** Where `npm run lab` keeps its own JupyterLab. */
export const environmentFolder = path.join(root, '.jupyter-venv')

/** JupyterLab cannot be had on this machine; the message says why and what to do. */
export class JupyterLabError extends Error {
  name = 'JupyterLabError'
}

/** What a program prints, or null when it does not run. */
function outputOf(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
}

/** A program of the virtual environment. */
function programFile(name) {
  const [folder, ending] = process.platform === 'win32' ? ['Scripts', '.exe'] : ['bin', '']
  return path.join(environmentFolder, folder, `${name}${ending}`)
}

/** @returns {string | null} the command of a JupyterLab that is on the PATH and new enough */
export function findJupyterLab() {
  const version = outputOf('jupyter-lab', ['--version'])
  return Number.parseInt(version ?? '') >= oldestLab ? 'jupyter-lab' : null
}

/** The command of a Python that is new enough. */
function findPython() {
  const found = []
  for (const command of ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11']) {
    const version = /^Python ((\d+)\.(\d+)\S*)$/.exec(outputOf(command, ['--version']) ?? '')
    if (!version) continue
    const [major, minor] = [Number(version[2]), Number(version[3])]
    if (major > oldestPython[0] || (major === oldestPython[0] && minor >= oldestPython[1])) return command
    found.push(`${command} is ${version[1]}`)
  }
  throw new JupyterLabError(
    `JupyterLab needs Python ${oldestPython.join('.')} or newer, and there is none here` +
      `${found.length > 0 ? ` (${found.join(', ')})` : ''}. Install it (Debian, Ubuntu: apt-get install python3-venv; ` +
      'macOS: brew install python; Windows: python.org). Without Python, `npm run notebook` executes the notebooks.',
  )
}

/** Runs a step of the installation and ends with an error that has its last lines. */
function runStep(what, command, args, advice) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  const lines = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-8).join('\n')
  throw new JupyterLabError(`${what} failed: ${command} ${args.join(' ')}\n${error?.message ?? lines}\n${advice}`)
}

/**
 * Makes the virtual environment in `.jupyter-venv`, or brings it up to date with jupyter/requirements.txt.
 * @param {(message: string) => void} say tells what is being done
 * @returns {string} the command of its JupyterLab
 */
export function installJupyterLab(say) {
  const wanted = fs.readFileSync(requirements, 'utf8')
  const installed = path.join(environmentFolder, 'installed-requirements.txt') // written last: an installation that was cut is repeated
  const isInstalled = fs.existsSync(installed) && fs.readFileSync(installed, 'utf8') === wanted
  if (isInstalled && outputOf(programFile('jupyter-lab'), ['--version']) !== null) return programFile('jupyter-lab')

  const [, version] = /^jupyterlab==(\S+)$/m.exec(wanted)
  say(`Installing JupyterLab ${version} in ${path.relative(process.cwd(), environmentFolder)}/ (about 300 MB, once) …`)
  const started = performance.now()
  runStep(
    'Making a virtual environment',
    findPython(),
    ['-m', 'venv', '--clear', environmentFolder],
    'On Debian and Ubuntu, python3 lacks its venv module until `apt-get install python3-venv`.',
  )
  runStep(
    'Installing JupyterLab',
    programFile('python'),
    ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--quiet', '--requirement', requirements],
    'It comes from PyPI: is there a network, and does pip know your proxy or mirror? A JupyterLab that is installed already is used when `jupyter-lab` is on the PATH.',
  )
  // Programs of JupyterLab run Node on CommonJS files, which the "type" of this repository's package.json would make modules.
  fs.writeFileSync(path.join(environmentFolder, 'package.json'), '{ "type": "commonjs" }\n')
  fs.writeFileSync(installed, wanted)
  say(`Installing JupyterLab: done in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  return programFile('jupyter-lab')
}

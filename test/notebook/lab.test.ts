import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from './programs.js'

const repository = path.resolve(import.meta.dirname, '../..')

/** Prints what it was called with, as a JupyterLab of a version would be. */
const jupyterLab = (version: string, exitCode = 0): string => `#!/bin/sh
if [ "$1" = --version ]; then echo ${version}; exit; fi
for argument in "$@"; do echo "argument $argument"; done
echo "JUPYTER_PATH $JUPYTER_PATH"
exit ${exitCode}
`

/** Makes environments without anything in them, which say what is installed. */
const python = (version: string): string => `#!/bin/sh
if [ "$1" = --version ]; then echo Python ${version}; exit; fi
if [ "$2" = venv ]; then
  folder="$4"
  /bin/mkdir -p "$folder/bin"
  /bin/cp "$0" "$folder/bin/python"
  exit
fi
echo "$@" >> "$(/usr/bin/dirname "$0")/installed.txt"
/bin/cat > "$(/usr/bin/dirname "$0")/jupyter-lab" <<'EOF'
${jupyterLab('4.6.6')}EOF
/bin/chmod 755 "$(/usr/bin/dirname "$0")/jupyter-lab"
`

/** JupyterLab has to be told that root may run it. */
const root = process.getuid?.() === 0 ? 'argument --allow-root\n' : ''

describe('lab', () => {
  const folder = temporaryFolder()
  const inFolder = (...names: string[]): string => path.join(folder.path, ...names)

  /** Runs a copy of the program in a repository that has nothing else, with these programs on the PATH. */
  function run(
    programs: Readonly<Record<string, string>>,
    ...args: string[]
  ): { status: number | null; output: string } {
    fs.rmSync(inFolder('bin'), { recursive: true, force: true })
    fs.mkdirSync(inFolder('bin'))
    for (const [name, text] of Object.entries(programs)) fs.writeFileSync(inFolder('bin', name), text, { mode: 0o755 })
    const result = spawnSync(process.execPath, [inFolder('scripts/lab.mjs'), ...args], {
      cwd: folder.path,
      env: { PATH: inFolder('bin') },
      encoding: 'utf8',
    })
    return { status: result.status, output: result.stdout + result.stderr }
  }

  before(function () {
    if (process.platform === 'win32') this.skip() // the programs are shell scripts
    for (const name of [
      'scripts/lab.mjs',
      'scripts/lab',
      'jupyter/requirements.txt',
      'notebooks/grpo-reasoning.ipynb',
    ]) {
      fs.cpSync(path.join(repository, name), inFolder(name), { recursive: true })
    }
  })
  afterEach(() => {
    fs.rmSync(inFolder('.jupyter-venv'), { recursive: true, force: true })
  })
  after(folder.remove)

  it('starts the JupyterLab of the PATH with the kernels and notebooks of the repository', () => {
    fs.writeFileSync(inFolder('notebooks/with space.ipynb'), '{}')
    const { status, output } = run(
      { 'jupyter-lab': jupyterLab('4.2.1', 7) },
      'notebooks/with space.ipynb',
      '--port',
      '9',
    )
    assert.equal(status, 7)
    assert.match(
      output,
      new RegExp(
        `argument --LabApp\\.default_url=/lab/tree/notebooks/with%20space\\.ipynb\\n${root}argument --port\\nargument 9\\n`,
      ),
    )
    assert.match(output, new RegExp(`argument --ServerApp.root_dir=${fs.realpathSync(folder.path)}\n`))
    assert.match(output, new RegExp(`JUPYTER_PATH ${fs.realpathSync(folder.path)}/jupyter\n`))
    assert.ok(!fs.existsSync(inFolder('.jupyter-venv')))
  })

  it('installs one where there is none, once for a list of requirements', () => {
    const programs = { 'jupyter-lab': jupyterLab('3.6.8'), python3: python('3.12.1') }
    const first = run(programs, '--no-browser')
    assert.equal(first.status, 0, first.output)
    assert.match(first.output, /^Installing JupyterLab \d+\.\d+\.\d+ in \.jupyter-venv\//m)
    assert.match(
      first.output,
      new RegExp(
        `argument --LabApp\\.default_url=/lab/tree/notebooks/grpo-reasoning\\.ipynb\\n${root}argument --no-browser\\n`,
      ),
    )
    assert.match(
      fs.readFileSync(inFolder('.jupyter-venv/bin/installed.txt'), 'utf8'),
      /-m pip install .*requirements\.txt\n$/,
    )
    assert.doesNotMatch(run(programs).output, /Installing/)
    assert.match(
      run({ ...programs, 'jupyter-lab': jupyterLab('4.2.1') }, '--venv').output,
      /Starting \S*\.jupyter-venv/,
    )
    fs.appendFileSync(inFolder('jupyter/requirements.txt'), 'another==1.0\n')
    assert.match(run(programs).output, /Installing/)
  })

  it('says what is missing', () => {
    const failing =
      '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.13.0 && exit\necho "ensurepip is not available"\nexit 1\n'
    const cases: [Record<string, string>, RegExp][] = [
      [{}, /^JupyterLab needs Python 3\.11 or newer, and there is none here\. Install it .*npm run notebook/],
      [{ python3: python('3.9.2') }, /there is none here \(python3 is 3\.9\.2\)/],
      [
        { python3: failing },
        /Making a virtual environment failed: python3 -m venv .*\nensurepip is not available\n.*apt-get install python3-venv/,
      ],
    ]
    for (const [programs, message] of cases) {
      const { status, output } = run(programs)
      assert.equal(status, 3, output)
      assert.match(output.replace(/^Installing .*\n/, ''), message)
    }
  })

  it('refuses a wrong command line', () => {
    for (const [args, message] of [
      [['missing.ipynb'], /missing\.ipynb: no such file/],
      [['a.ipynb', 'b.ipynb'], /expected one notebook, got a\.ipynb b\.ipynb/],
      [[path.join(repository, 'notebooks/grpo-reasoning.ipynb')], /expected a notebook below/],
    ] as const) {
      const { status, output } = run({ 'jupyter-lab': jupyterLab('4.2.1') }, ...args)
      assert.equal(status, 2)
      assert.match(output, message)
      assert.match(output, /usage: npm run lab/)
    }
  })
})

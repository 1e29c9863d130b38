import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { makeNotebook, readNotebook, runScript, streamText, temporaryFolder } from './programs.js'
import type { Cell, ProgramResult } from './programs.js'

/** Whether a process of this id is alive. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('run-notebook', () => {
  const folder = temporaryFolder()
  after(folder.remove)

  describe('in the repaired kernel', () => {
    let result: ProgramResult
    let cells: Cell[]
    before(async () => {
      const file = await makeNotebook(folder.path, 'repaired', [
        `let steps = 1; let label = 'none';`,
        `const options = { steps, label };\nconsole.log(options);`,
        `const awaited = await (Promise.resolve([4, 5]));\nfor await (const value of awaited) console.log(value);`,
        `process.stdout.write('0/2 first');\nprocess.stdout.write('\\r2/2\\n');\nconsole.error('warned');`,
        `for (let line = 0; line < 2000; line++) console.log('line ' + line);`,
        `import { newDisplay } from 'tslab';\nconst shown = newDisplay();\nshown.html('<b>1</b>');`,
        `shown.html('<b>2</b>');\nsetTimeout(() => console.log('late'), 20);`,
        `'an expression'`,
        `console.log([3, 1, 2].findLast((value) => value < 3));`,
      ])
      const args = [file, '-p', 'steps=5', '-p', 'label=a b']
      result = await runScript('run-notebook.mjs', args, undefined, { cwd: folder.path })
      cells = readNotebook(path.join(folder.path, 'runs/notebooks/repaired.ipynb')).cells
    })

    it('runs all cells and says so', () => {
      assert.equal(result.status, 0, result.stderr)
      assert.match(result.stderr, /10 cells, 0 failed/)
      assert.match(result.stdout, /warned|line 1999/)
    })
    it('numbers the cells', () => {
      assert.deepEqual(
        cells.map((cell) => cell.execution_count),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      )
    })
    it('sets parameters in a cell of their own, without output', () => {
      assert.deepEqual(cells[1]!.metadata.tags, ['injected-parameters'])
      assert.equal(cells[1]!.source.join(''), 'steps = 5;\nlabel = "a b";\n;')
      assert.deepEqual(cells[1]!.outputs, [])
    })
    it('allows the shorthand of a variable of an earlier cell', () => {
      assert.equal(streamText(cells[2]!), "{ steps: 5, label: 'a b' }\n")
    })
    it('allows await before a parenthesis and for await', () => {
      assert.equal(streamText(cells[3]!), '4\n5\n')
    })
    it('keeps what a carriage return leaves, and stderr apart', () => {
      assert.equal(streamText(cells[4]!), '2/2 first\n')
      assert.equal(streamText(cells[4]!, 'stderr'), 'warned\n')
    })
    it('loses no line of two thousand', () => {
      assert.equal(streamText(cells[5]!), Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join(''))
    })
    it('updates a display in the cell that shows it', () => {
      assert.deepEqual(
        cells[6]!.outputs?.map((output) => output.data),
        [{ 'text/html': '<b>2</b>' }],
      )
      assert.equal(cells[7]!.outputs?.filter((output) => output.output_type === 'display_data').length, 0)
    })
    it('prints a last expression', () => {
      assert.match(streamText(cells[8]!), /^an expression$/m)
    })
    it('knows the ES2023 library', () => {
      assert.match(streamText(cells[9]!), /^2$/m)
    })
    it('keeps output that comes after its cell', () => {
      assert.match(
        cells
          .slice(7)
          .map((cell) => streamText(cell))
          .join(''),
        /late/,
      )
    })
  })

  it('reports errors as Jupyter does, goes on when asked, and survives the death of the kernel', async () => {
    const file = await makeNotebook(folder.path, 'errors', [
      `let steps = 1;`,
      `const message = 'too bad';\nthrow new RangeError(message);`,
      `const wrong: number = 'text';`,
      `console.log('still here');`,
      `process.exit(7);`,
      `console.log('never');`,
    ])
    const out = path.join(folder.path, 'errors-out.ipynb')
    const result = await runScript('run-notebook.mjs', [file, out, '--quiet', '--keep-going'])
    const { cells } = readNotebook(out)
    assert.equal(result.status, 1)
    assert.equal(result.stdout, '')
    const [thrown, mistyped, death] = [1, 2, 4].map((index) => cells[index]!.outputs!.at(-1)!)
    assert.deepEqual([thrown!.output_type, thrown!.ename, thrown!.evalue], ['error', 'RangeError', 'too bad'])
    assert.match(thrown!.traceback!.join('\n'), /throw new RangeError\(message\)/)
    assert.doesNotMatch(thrown!.traceback!.join('\n'), /tslab/)
    assert.equal(mistyped!.ename, 'TypeScriptError')
    assert.match(mistyped!.evalue!, /'string' is not assignable to type 'number'/)
    assert.equal(streamText(cells[3]!), 'still here\n')
    assert.equal(death!.evalue, 'the kernel ended (exit code 7)')
    assert.deepEqual(cells[5]!.outputs, [])
    assert.match(result.stderr, /cell 1 failed: RangeError: too bad/)
    assert.match(result.stderr, /5 cells, 3 failed/)
  })

  it('runs in plain tslab too and makes its errors from stderr', async () => {
    const file = await makeNotebook(folder.path, 'stock', [
      `let steps = 1;`,
      `await null;\nconsole.log({ steps: steps });`,
      `console.log(undefinedName);`,
    ])
    const out = path.join(folder.path, 'stock-out.ipynb')
    const result = await runScript('run-notebook.mjs', [file, out, '--quiet', '--stock', '-p', 'steps=2'])
    const { cells } = readNotebook(out)
    assert.equal(result.status, 1)
    assert.equal(streamText(cells[2]!), '{ steps: 2 }\n')
    const error = cells[3]!.outputs!.at(-1)!
    assert.equal(error.output_type, 'error')
    assert.match(error.evalue!, /Cannot find name 'undefinedName'/)
  })

  it('ends a cell that takes too long, and its kernel', async () => {
    const file = await makeNotebook(folder.path, 'slow', [
      `console.log(process.pid);\nawait new Promise((resolve) => setTimeout(resolve, 60000));`,
    ])
    const out = path.join(folder.path, 'slow-out.ipynb')
    let limit = 2
    const runWithin = (seconds: number): Promise<ProgramResult> =>
      runScript('run-notebook.mjs', [file, out, '--quiet', '--timeout', String(seconds)])
    let result = await runWithin(limit)
    // On a busy machine it may take longer until the cell has said who it is.
    while (streamText(readNotebook(out).cells[0]!) === '') result = await runWithin((limit *= 8))
    const { cells } = readNotebook(out)
    assert.equal(result.status, 1)
    assert.equal(cells[0]!.outputs!.at(-1)!.evalue, `no answer in ${limit} s`)
    assert.equal(isRunning(Number(streamText(cells[0]!))), false)
  })

  describe('when it is interrupted', () => {
    before(function () {
      if (process.platform === 'win32') this.skip() // no signals there
    })
    const waiting = `console.log(process.pid);\nawait null;\nsetTimeout(() => console.log('waiting'), 50);`
    /** Runs cells, with Ctrl-C as often as given, a second apart, when one prints that it waits. */
    const interrupt = async (name: string, sources: string[], times: number): Promise<[ProgramResult, Cell[]]> => {
      const file = await makeNotebook(folder.path, name, sources)
      const out = path.join(folder.path, `${name}-out.ipynb`)
      const result = await runScript('run-notebook.mjs', [file, out], (child) => {
        child.stdout?.on('data', (data: Buffer) => {
          if (!data.includes('waiting')) return
          for (let time = 0; time < times; time++) setTimeout(() => child.kill('SIGINT'), time * 1000)
        })
      })
      return [result, readNotebook(out).cells]
    }
    const kernelOf = (cell: Cell): number => Number.parseInt(streamText(cell))

    it('keeps what has run', async () => {
      const sources = [
        `${waiting}\nawait new Promise((resolve) => setTimeout(resolve, 60000));`,
        `console.log('never');`,
      ]
      const [{ status, stderr }, cells] = await interrupt('interrupted', sources, 1)
      assert.equal(status, 130, stderr)
      assert.match(stderr, /1 cells, 1 failed, interrupted by SIGINT/)
      assert.equal(cells[0]!.outputs!.at(-1)!.output_type, 'error')
      assert.deepEqual(cells[1]!.outputs, [])
      assert.match(fs.readFileSync(path.join(folder.path, 'interrupted-out.html'), 'utf8'), /interrupted by SIGINT/)
      assert.equal(isRunning(kernelOf(cells[0]!)), false)
    })

    it('keeps what a cell that listens for it prints at its end', async () => {
      const sources = [
        `${waiting}\nawait new Promise((resolve) => process.once('SIGINT', () => setTimeout(resolve, 30)));\nconsole.log('saved');`,
        `console.log('never');`,
      ]
      const [{ status, stderr }, cells] = await interrupt('listening', sources, 1)
      assert.equal(status, 130, stderr)
      assert.match(streamText(cells[0]!), /saved/)
      assert.deepEqual(cells[1]!.outputs, [])
    })

    it('ends at once the second time', async () => {
      const sources = [
        `console.log(process.pid);`,
        `await null;\nsetTimeout(() => console.log('waiting'), 50);\nawait new Promise(() => process.on('SIGINT', () => {}));`,
      ]
      const [{ status, stderr }, cells] = await interrupt('twice', sources, 2)
      assert.equal(status, 130, stderr)
      for (let tries = 0; tries < 50 && isRunning(kernelOf(cells[0]!)); tries++) await sleep(100) // it was sent SIGKILL
      assert.equal(isRunning(kernelOf(cells[0]!)), false)
    })
  })

  it('refuses a wrong command line', async () => {
    const file = path.join(folder.path, 'untagged.ipynb')
    fs.writeFileSync(file, JSON.stringify({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }))
    const tagged = await makeNotebook(folder.path, 'tagged', [`let steps = 1, rate = 2;`])
    const broken = path.join(folder.path, 'broken.ipynb')
    fs.writeFileSync(broken, '{')
    const cases: [string[], RegExp][] = [
      [[path.join(folder.path, 'missing.ipynb')], /missing\.ipynb: no such file/],
      [[broken], /broken\.ipynb: not a notebook/],
      [[file, '-p', 'steps=1'], /-p steps: no such parameter; there are: none, as no cell is tagged "parameters"/],
      [[tagged, '-p', 'step=1'], /-p step: no such parameter; there are: steps, rate/],
      [[file, file], /would be overwritten/],
      [[file, 'out.html'], /expected a file that ends with \.ipynb/],
      [['--all', file], /--all: expected no file/],
      [[tagged, '--store', '-p', 'steps=1'], /--store: expected no -p/],
      [[tagged, '--store', '--check'], /--store --check: expected one of them/],
      [[file, '-p', 'steps'], /expected name=value/],
      [[file, '--timeout', 'soon'], /--timeout soon: expected a number of seconds/],
      [[file, '--unknown'], /Unknown option '--unknown'/],
    ]
    const module = path.resolve(import.meta.dirname, '../../scripts/notebook/commandLine.mjs')
    const { readCommandLine } = (await import(pathToFileURL(module).href)) as {
      readCommandLine: (args: readonly string[]) => unknown
    }
    for (const [args, message] of cases) assert.throws(() => readCommandLine(args), message)
    const { status, stderr } = await runScript('run-notebook.mjs', cases[0]![0])
    assert.equal(status, 2)
    assert.match(stderr, /no such file\n\nusage: npm run notebook/)
  })
})

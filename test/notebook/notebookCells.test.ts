import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { readNotebook, runScript, temporaryFolder } from './programs.js'

const cells = `// %% [markdown]
// # A title
//
// Text with \`code\`.

// %% tags=["parameters"]
let steps = 1;

// %%
// A comment in code stays one.
console.log(steps);
`

describe('notebook-cells', () => {
  const folder = temporaryFolder()
  const source = path.join(folder.path, 'example.cells.ts')
  const file = path.join(folder.path, 'example.ipynb')
  beforeEach(async () => {
    fs.writeFileSync(source, cells)
    assert.equal((await runScript('notebook-cells.mjs', [source])).status, 0)
  })
  after(folder.remove)

  it('makes a notebook', () => {
    const notebook = readNotebook(file)
    assert.equal(notebook.nbformat, 4)
    assert.deepEqual(
      notebook.cells.map((cell) => [cell.cell_type, cell.source.join(''), cell.metadata.tags, cell.outputs]),
      [
        ['markdown', '# A title\n\nText with `code`.', undefined, undefined],
        ['code', 'let steps = 1;', ['parameters'], []],
        ['code', '// A comment in code stays one.\nconsole.log(steps);', undefined, []],
      ],
    )
  })

  it('accepts a pair that agrees, whatever the line ends', async () => {
    fs.writeFileSync(source, cells.replaceAll('\n', '\r\n'))
    assert.deepEqual(await runScript('notebook-cells.mjs', ['--check', source]), { status: 0, stdout: '', stderr: '' })
  })

  it('refuses a pair that does not', async () => {
    const check = async (): Promise<string> => {
      const { status, stderr } = await runScript('notebook-cells.mjs', ['--check', source])
      assert.equal(status, 1)
      return stderr
    }
    fs.writeFileSync(source, cells.replace('= 1', '= 2'))
    assert.match(await check(), /example\.ipynb differs in cell 1: edit example\.cells\.ts/)

    fs.writeFileSync(source, cells)
    fs.rmSync(file)
    assert.match(await check(), /is missing/)
  })

  it('keeps the outputs of cells whose code stays the same, wherever they go', async () => {
    const notebook = readNotebook(file)
    const outputs = [{ output_type: 'stream' as const, name: 'stdout' as const, text: ['1\n'] }]
    Object.assign(notebook.cells[1]!, { execution_count: 1 })
    Object.assign(notebook.cells[2]!, { execution_count: 2, outputs })
    fs.writeFileSync(file, JSON.stringify(notebook))
    assert.equal((await runScript('notebook-cells.mjs', ['--check', source])).status, 0)

    fs.writeFileSync(source, `${cells.replace('= 1', '= 2')}\n// %%\nsteps++\n`.replace('# A title', '# Another'))
    const { stdout } = await runScript('notebook-cells.mjs', [source])
    assert.match(stdout, /example\.ipynb: 4 cells, 2 to be executed: npm run notebook -- .*example\.ipynb --store/)
    assert.deepEqual(
      readNotebook(file).cells.map((cell) => [cell.execution_count, cell.outputs]),
      [
        [undefined, undefined],
        [null, []],
        [2, outputs],
        [null, []],
      ],
    )
  })

  it('says which cell it cannot read', async () => {
    for (const [text, message] of [
      ['// %% [markdown]\nplain\n', /cell 0: a line of Markdown must begin with "\/\/ ", got "plain"/],
      ['// %%\n1;\n// %% [raw]\n', /cell 1: cannot read "\/\/ %% \[raw\]"/],
      ['let before = 1;\n// %%\n', /cell 0: cannot read "let before = 1;"/],
    ] as const) {
      fs.writeFileSync(source, text)
      const { status, stderr } = await runScript('notebook-cells.mjs', [source])
      assert.equal(status, 1)
      assert.match(stderr, message)
    }
  })

  it('finds the notebooks of the repository in agreement with their cells', async () => {
    const { status, stderr } = await runScript('notebook-cells.mjs', ['--check'])
    assert.equal(status, 0, stderr)
  })

  it('has cells for every notebook, with parameters, and a line about each in the documentation', () => {
    const root = path.resolve(import.meta.dirname, '../..')
    const named = (end: string): string[] =>
      fs
        .readdirSync(path.join(root, 'notebooks'))
        .filter((name) => name.endsWith(end))
        .map((name) => name.slice(0, -end.length))
        .sort()
    const names = named('.ipynb')
    assert.ok(names.length >= 5, `notebooks/ holds ${names.join(', ')}`)
    assert.deepEqual(names, named('.cells.ts'))
    const documentation = fs.readFileSync(path.join(root, 'docs/notebooks.md'), 'utf8')
    for (const name of names) {
      const { cells } = readNotebook(path.join(root, 'notebooks', `${name}.ipynb`))
      assert.match(cells[0]!.source[0]!, /^# /, `${name} has no title`)
      assert.equal(cells.filter(({ metadata }) => metadata.tags?.includes('parameters')).length, 1, name)
      assert.ok(documentation.includes(`(../notebooks/${name}.ipynb)`), `docs/notebooks.md does not name ${name}`)
    }
  })
})

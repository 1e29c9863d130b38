import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { show } from '../../src/index.js'
import { inFakeKernel } from './fakeKernel.js'
import { makeNotebook, readNotebook, runScript, streamText, temporaryFolder } from './programs.js'
import type { Cell, Notebook, Output } from './programs.js'

interface StoredModules {
  toStoredForm: (notebook: Notebook) => { notebook: Notebook; drawings: Map<Output, string> }
  findDifferences: (stored: Notebook, fresh: Notebook) => string[]
  findTroubles: (notebook: Notebook) => string[]
}

const root = path.resolve(import.meta.dirname, '../..')
const load = async (name: string): Promise<Partial<StoredModules>> =>
  (await import(pathToFileURL(path.join(root, 'scripts/notebook/stored', name)).href)) as Partial<StoredModules>
const { toStoredForm, findDifferences, findTroubles } = {
  ...(await load('form.mjs')),
  ...(await load('compare.mjs')),
  ...(await load('rules.mjs')),
} as StoredModules

const code = (source: string, outputs: Output[], number = 1, tags: string[] = []): Cell => ({
  cell_type: 'code',
  id: `cell-${number}`,
  source: [source],
  metadata: { tags },
  execution_count: number,
  outputs,
})
const notebook = (...cells: Cell[]): Notebook => ({ cells, nbformat: 4 })
const printed = (text: string): Output => ({ output_type: 'stream', name: 'stdout', text: [text] })

/** What a cell that runs this puts out. */
async function outputsOf(run: () => void): Promise<Output[]> {
  const { outputs } = await inFakeKernel(run)
  return [...outputs.values()].map((data) => ({
    output_type: 'display_data',
    data: data as unknown as Record<string, string>,
    metadata: {},
  }))
}

/** A notebook of one cell that runs this, in the form in which it is stored. */
async function storedOf(run: () => void): Promise<Notebook> {
  return toStoredForm(notebook(code('cell', await outputsOf(run)))).notebook
}

const png = Buffer.from([0x89, ...Buffer.from('PNG\r\n\u001a\n'), 0, 0, 0, 0]).toString('base64')

describe('the stored form of outputs', () => {
  it('has no scripts, and nothing of an output that was only scripts', async () => {
    const outputs = await outputsOf(() => {
      show.setUpCharts()
      show.html('<b>bold</b><script>alert(1)</script>')
    })
    const { notebook: stored } = toStoredForm(notebook(code('cell', outputs)))
    assert.deepEqual(
      stored.cells[0]!.outputs!.map(({ data }) => data),
      [{ 'text/html': ['<b>bold</b>'], 'text/plain': ['bold'] }],
    )
  })

  it('has charts as pictures, which are taken only once for the same chart', async () => {
    const draw = (last: number): Promise<Notebook> =>
      storedOf(() => {
        show.plot([{ y: [1, 2, last] }], { title: 'Reward' })
      })
    const [first, again, other] = [await draw(3), await draw(3), await draw(4)]
    const [output] = first.cells[0]!.outputs!
    assert.deepEqual(Object.keys(output!.data!), ['application/vnd.plotly.v1+json', 'text/plain'])
    assert.deepEqual(first, again)
    assert.notDeepEqual(first.cells[0]!.outputs![0]!.metadata, other.cells[0]!.outputs![0]!.metadata)
  })

  it('has a line for each row of a table', async () => {
    const stored = await storedOf(() => {
      show.table([{ n: 1 }, { n: 2 }])
    })
    const html = stored.cells[0]!.outputs![0]!.data!['text/html'] as unknown as string[]
    assert.equal(html.filter((line) => line.startsWith('<tr>')).length, 1, html.join(''))
    assert.match(html.join(''), /^.*>n<.*>1<.*\n<tr>.*>2<.*$/)
  })
})

describe('the comparison of stored outputs', () => {
  const table = (rows: object[]): Promise<Notebook> =>
    storedOf(() => {
      show.table(rows)
    })

  it('leaves times, speeds and sizes aside', async () => {
    const row = (ms: number, bytes: number): Promise<Notebook> =>
      table([{ program: 'endless', why: `time limit of ${ms} ms`, ms, bytes, 'step_time (s)': ms / 1000 }])
    assert.deepEqual(findDifferences(await row(1003, 12), await row(2112, 13)), [])
    const text = (line: string): Notebook => notebook(code('cell', [printed(line)]))
    assert.deepEqual(findDifferences(text('40 steps in 12.3 s, 1.2 GB'), text('40 steps in 1 min 5 s, 900 MB')), [])
    assert.equal(findDifferences(text('40 steps in 12.3 s'), text('41 steps in 12.3 s')).length, 1)
  })

  it('finds another number, another chart, another text', async () => {
    assert.match(
      findDifferences(await table([{ right: 0.5 }]), await table([{ right: 0.25 }])).join(),
      /^cell 0, output 1: stored is ".*0\.500.*", it put out ".*0\.250.*"$/,
    )
    const chart = (y: number[]): Promise<Notebook> =>
      storedOf(() => {
        show.plots([{ data: [{ y }] }, { data: [{ y: [1] }] }])
      })
    assert.equal(findDifferences(await chart([1, 5, 2]), await chart([1, 4, 2])).length, 1)
    const text = (content: string): Promise<Notebook> =>
      storedOf(() => {
        show.markdown(content)
      })
    assert.equal(findDifferences(await text('21 of 73'), await text('22 of 73')).length, 1)
  })

  it('finds an output that is missing, and code that is not the stored one', () => {
    const [one, none] = [notebook(code('cell', [printed('1')])), notebook(code('cell', []))]
    assert.deepEqual(findDifferences(one, none), ['cell 0: stored are stdout; it put out nothing'])
    assert.match(findDifferences(one, notebook(code('other', [printed('1')]))).join(), /its code is not the stored one/)
    assert.match(findDifferences(notebook(), one).join(), /its code is not the stored one/)
  })

  it('does not ask when something was printed, and passes over cells that are tagged', async () => {
    const [shown] = await outputsOf(() => {
      show.markdown('shown')
    })
    const order = (...outputs: Output[]): Notebook => notebook(code('cell', outputs))
    assert.deepEqual(findDifferences(order(printed('1\n'), shown!), order(shown!, printed('1\n'))), [])
    const tagged = (text: string): Notebook => notebook(code('cell', [printed(text)], 1, ['nbval-ignore-output']))
    assert.deepEqual(findDifferences(tagged('this machine'), tagged('that machine')), [])
  })
})

describe('the rules for stored outputs', () => {
  const chart = (): Promise<Notebook> =>
    storedOf(() => {
      show.plot([{ y: [1, 2] }])
    })

  it('find nothing in a notebook as it has to be', async () => {
    const stored = await chart()
    stored.cells[0]!.outputs![0]!.data!['image/png'] = png
    stored.cells.push(code("console.log('a')", [printed('a\n')], 2), code('let a = () => show.table([])', [], 3))
    assert.deepEqual(findTroubles(stored), [])
  })

  it('find what is wrong', async () => {
    const text = (content: string): Notebook => notebook(code('cell', [printed(content)]))
    const html = (content: string): Notebook =>
      notebook(code('cell', [{ output_type: 'display_data', data: { 'text/html': content, 'text/plain': 'a' } }]))
    const cases: [Notebook, RegExp][] = [
      [notebook(code('a = 1', [], 2)), /^cell 0 has not been executed since it or one before it was changed$/],
      [notebook(code('show.table(rows)', [])), /^cell 0 shows something, and no output is stored$/],
      [notebook(code("if (a) console.log('a')\nconsole.log('b')", [])), /shows something/],
      [notebook(code('cell', [{ output_type: 'error', ename: 'Error', evalue: 'bad' }])), /failed: Error: bad/],
      [notebook(code('cell', [{ output_type: 'stream', name: 'stderr', text: ['warned'] }])), /to stderr: warned/],
      [notebook(code('cell', [{ output_type: 'display_data', data: { 'text/html': 'a' } }])), /without text\/plain/],
      [html('<script>1</script>'), /needs a script/],
      [html('<img src="data:image/svg+xml;base64,AA">'), /needs a script/],
      [await chart(), /has a chart without its picture/],
      [text('open /home/somebody/report.html'), /tells an absolute path: \/home\/somebody\/report\.html/],
      [text('see file:///report.html'), /tells an absolute path: file:/],
      [html('<b>C:\\Users\\a</b>'), /tells an absolute path: .*C:\\Users/],
      [text(`token hf_${'a'.repeat(34)}`), /tells a token/],
      [text('x'.repeat(2_100_000)), /has \d+ bytes, above/],
    ]
    if (os.hostname().length > 5) cases.push([text(`on ${os.hostname()}`), /name of the machine/])
    for (const [wrong, message] of cases) assert.match(findTroubles(wrong).join('\n'), message)
    assert.equal(findTroubles(notebook(code('if (a) console.log(1)', []))).length, 0, 'it may have no output')
  })

  for (const name of fs.readdirSync(path.join(root, 'notebooks')).filter((name) => name.endsWith('.ipynb'))) {
    it(`hold for ${name}`, () => {
      const found = findTroubles(readNotebook(path.join(root, 'notebooks', name)))
      assert.deepEqual(found, [], `npm run notebook -- notebooks/${name} --store`)
    })
  }
})

describe('run-notebook --store and --check', () => {
  const folder = temporaryFolder()
  after(folder.remove)

  it('writes the outputs into the notebook, compares with them, and stores nothing of a run that failed', async () => {
    const cells = [
      'let label = 1',
      'console.log(`label ${label}`)',
      'console.log(`took ${Math.round(performance.now())} ms`)',
    ]
    const file = await makeNotebook(folder.path, 'stored', cells)
    const run = (...args: string[]): ReturnType<typeof runScript> =>
      runScript('run-notebook.mjs', [file, path.join(folder.path, 'out.ipynb'), '--quiet', ...args])
    const stored = await run('--store')
    assert.equal(stored.status, 0, stored.stderr)
    assert.match(stored.stderr, /stored\.ipynb: 3 of its cells have new outputs/)
    const before = fs.readFileSync(file, 'utf8')
    assert.equal(streamText(readNotebook(file).cells[1]!), 'label 1\n')

    const again = await run('--store')
    assert.match(again.stderr, /0 of its cells have new outputs/)
    assert.equal(fs.readFileSync(file, 'utf8'), before, 'another time alone changes nothing')

    const changed = before.replace('label 1\\n', 'label 2\\n')
    fs.writeFileSync(file, changed)
    const checked = await run('--check')
    assert.equal(checked.status, 1)
    assert.match(checked.stderr, /stored\.ipynb: cell 1, stdout: stored is "label 2\\n", it put out "label 1\\n"/)
    assert.equal(fs.readFileSync(file, 'utf8'), changed)

    // An edited notebook keeps the outputs of cells that stay the same.
    await makeNotebook(folder.path, 'stored', [cells[0]!, "throw new Error('bad')", cells[2]!])
    const [first, second, third] = readNotebook(file).cells
    assert.deepEqual([first!.execution_count, second!.execution_count, third!.execution_count], [1, null, 3])
    assert.match(streamText(third!), /^took/)
    const edited = fs.readFileSync(file, 'utf8')
    const failed = await run('--store')
    assert.equal(failed.status, 1)
    assert.equal(fs.readFileSync(file, 'utf8'), edited)
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from './programs.js'

interface PageModule {
  renderNotebookPage: (notebook: object, options: { file: string; page: string; summary: string }) => string
}

const markdown = (text: string): object => ({ cell_type: 'markdown', source: [text] })
const code = (source: string, ...outputs: object[]): object => ({ cell_type: 'code', source, outputs })
const shown = (data: object): object => ({ output_type: 'display_data', data })

describe('the page of a notebook', () => {
  const folder = temporaryFolder()
  after(folder.remove)
  let render: (...cells: object[]) => string
  before(async () => {
    const file = path.resolve(import.meta.dirname, '../../scripts/notebook/html/page.mjs')
    const { renderNotebookPage } = (await import(pathToFileURL(file).href)) as PageModule
    render = (...cells) =>
      renderNotebookPage(
        { cells, metadata: {} },
        {
          file: path.join(folder.path, 'notebooks/a.ipynb'),
          page: path.join(folder.path, 'runs/notebooks/a.html'),
          summary: 'a.ipynb <1 cell>',
        },
      )
  })

  it('has the title and the contents of its headings', () => {
    const page = render(markdown('# A & `b`\n\ntext'), markdown('## Step\n\n### Part'), markdown('## Step'))
    assert.match(page, /<title>A &amp; b<\/title>/)
    assert.match(page, /<a href="#step">Step<\/a>.*<a href="#part">Part<\/a>.*<a href="#step-2">Step<\/a>/)
    assert.match(page, /<h2 id="step-2">Step<\/h2>/)
    assert.match(page, /a\.ipynb &#60;1 cell&#62;/)
    assert.match(render(code('1')), /<title>a<\/title>/)
  })

  it('draws formulas and leaves prices and code as they are', () => {
    const page = render(
      markdown('mean $\\bar r_i$ of\n\n$$A_i = \\frac{r_i}{\\sigma}$$\n\nfor $5 and `$x$`, $\\nothing{$'),
    )
    assert.equal(page.match(/<math /g)?.length, 2)
    assert.match(page, /<math [^>]*display="block"/)
    assert.match(page, /for \$5 and <code>\$x\$<\/code>/)
  })

  it('lets relative links lead where they led, and embeds pictures', () => {
    fs.mkdirSync(path.join(folder.path, 'notebooks'), { recursive: true })
    fs.writeFileSync(path.join(folder.path, 'notebooks/dot.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
    const page = render(
      markdown(
        '[a](../docs/metrics.md#reward) [b](https://example.org/x) [c](#step) [d](/abs) ![dot](dot.svg) ![no](no.png)',
      ),
    )
    assert.match(page, /href="\.\.\/\.\.\/docs\/metrics\.md#reward"/)
    for (const address of ['https://example.org/x', '#step', '/abs'])
      assert.ok(page.includes(`href="${address}"`), address)
    assert.match(page, /<img src="data:image\/svg\+xml;base64,[\w+/=]+" alt="dot">/)
    assert.match(page, /<img src="\.\.\/\.\.\/notebooks\/no\.png"/)
  })

  it('shows each output in its best form, and texts as texts', () => {
    const page = render(
      code(
        'const x = "</pre><script>"',
        { output_type: 'stream', name: 'stderr', text: ['\u001b[31m<b>red</b>\u001b[0m'] },
        shown({ 'text/plain': 'plain form', 'text/html': ['<table>', '</table>'] }),
        shown({ 'text/plain': 'plain', 'text/markdown': '*emphasis*' }),
        shown({ 'image/png': 'AAAA\n' }),
        shown({ 'application/json': { a: '<' } }),
        shown({ 'application/x-unknown': 1 }),
      ),
      code('fail()', { output_type: 'error', ename: 'RangeError', evalue: 'too <far>', traceback: [] }),
    )
    assert.doesNotMatch(page, /<\/pre><script>|<b>red|plain form|too <far>/)
    assert.match(page, /<pre class="text stderr">&#60;b&#62;red&#60;\/b&#62;<\/pre>/)
    assert.match(page, /<div class="rich"><table><\/table><\/div>/)
    assert.match(page, /<em>emphasis<\/em>/)
    assert.match(page, /src="data:image\/png;base64,AAAA"/)
    assert.match(page, /an output of type application\/x-unknown/)
    assert.match(page, /<section class="cell failed">.*<pre class="text error">RangeError: too &#60;far&#62;<\/pre>/s)
  })

  it('forbids itself to fetch anything', () => {
    assert.match(render(), /Content-Security-Policy" content="default-src &#39;none&#39;;/)
  })
})

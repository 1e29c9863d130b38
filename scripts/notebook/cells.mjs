import { splitLines } from './notebookFile.mjs'

const metadata = {
  kernelspec: { display_name: 'TypeScript (tslab)', language: 'typescript', name: 'tslab' },
  language_info: {
    codemirror_mode: { mode: 'typescript', name: 'javascript', typescript: true },
    file_extension: '.ts',
    mimetype: 'text/typescript',
    name: 'typescript',
  },
}

/**
 * Reads a notebook from text in jupytext's "percent" format: a cell begins with a line `// %%`, one of Markdown with
 * `// %% [markdown]` and its lines behind `// `; tags stand in the first line, as in `// %% tags=["parameters"]`.
 * @param {string} text
 * @returns {object} a notebook without outputs
 */
export function parseCells(text) {
  const blocks = text.replaceAll('\r\n', '\n').split(/^(?=\/\/ %%)/m)
  const cells = blocks.map((block, index) => {
    const [mark, ...lines] = block.trimEnd().split('\n')
    const match = /^\/\/ %%( \[markdown\])?(?: tags=(\[.*\]))?$/.exec(mark)
    if (!match) throw new Error(`cell ${index}: cannot read "${mark}"`)
    const [, markdown, tags] = match
    const cell = { id: `cell-${index}`, metadata: tags ? { tags: JSON.parse(tags) } : {} }
    if (!markdown) {
      return { cell_type: 'code', ...cell, execution_count: null, outputs: [], source: splitLines(lines.join('\n')) }
    }
    const prose = lines.map((line) => {
      if (!/^\/\/( |$)/.test(line))
        throw new Error(`cell ${index}: a line of Markdown must begin with "// ", got "${line}"`)
      return line.slice(3)
    })
    return { cell_type: 'markdown', ...cell, source: splitLines(prose.join('\n')) }
  })
  return { cells, metadata, nbformat: 4, nbformat_minor: 5 }
}

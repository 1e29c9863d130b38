// An executed notebook as one HTML file that loads nothing.
import { buildSync } from 'esbuild'
import fs from 'node:fs'
import path from 'node:path'
import { chartScripts } from '../../../dist/notebook/charts/chartScripts.js'
import { joinLines } from '../notebookFile.mjs'
import { createMarkdown, escapeHtml, highlightCode } from './markdown.mjs'
import { renderOutput } from './outputs.mjs'

/** Scripts and styles of outputs run, as in JupyterLab; whatever they are, they fetch nothing. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  // Pictures that Plotly makes of charts to be saved.
  'img-src data: blob:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** The page's program as one script. */
function bundleProgram() {
  const { outputFiles } = buildSync({
    entryPoints: [path.join(import.meta.dirname, 'program.mjs')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
  })
  return outputFiles[0].text
}

function renderCell(cell, language, markdown) {
  const source = joinLines(cell.source)
  if (cell.cell_type === 'markdown') return markdown.render(source)
  if (cell.cell_type !== 'code' || !source.trim()) return ''
  const outputs = (cell.outputs ?? []).map((output) => renderOutput(output, markdown))
  const failed = (cell.outputs ?? []).some((output) => output.output_type === 'error')
  const number = cell.execution_count ? ` title="[${cell.execution_count}]"` : ''
  return (
    `<section class="cell${failed ? ' failed' : ''}">` +
    `<pre class="code"${number}><code>${highlightCode(source, language)}</code></pre>` +
    (outputs.length > 0 ? `<div class="outputs">${outputs.join('\n')}</div>` : '') +
    '</section>'
  )
}

function renderContents(headings) {
  const entries = headings
    .filter(({ depth }) => depth === 2 || depth === 3)
    .map(({ depth, text, anchor }) => `<li class="depth-${depth}"><a href="#${anchor}">${text}</a></li>`)
  if (entries.length === 0) return '<div></div>'
  return `<nav aria-label="Contents"><details open><summary>Contents</summary><ul>${entries.join('')}</ul></details></nav>`
}

/**
 * Moves what draws charts to one place. A notebook may hold it several times, as its cells were run again, or nowhere, when the
 * output that brought it has been replaced.
 * @param {string} content of the cells
 */
function withOneCopyOfChartScripts(content) {
  return content.includes('grpoTsCharts') ? content.replaceAll(chartScripts(), '') + chartScripts() : content
}

/**
 * Renders an executed notebook: its text with formulas, highlighted code, and the outputs, whose charts stay interactive (and show
 * their static picture where no script runs).
 * @param {object} notebook
 * @param {{ file: string, page: string, summary: string }} options the notebook's file, that of the page, and a line on the run
 * @returns {string}
 */
export function renderNotebookPage(notebook, { file, page, summary }) {
  const markdown = createMarkdown({ from: path.dirname(file), to: path.dirname(page) })
  const language = notebook.metadata.language_info?.name ?? notebook.metadata.kernelspec?.language ?? 'typescript'
  const cells = notebook.cells.map((cell) => renderCell(cell, language, markdown))
  const heading = markdown.headings.find(({ depth }) => depth === 1)?.text.replaceAll(/<[^>]*>/g, '')
  const title = heading ?? escapeHtml(path.basename(file, '.ipynb'))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${fs.readFileSync(path.join(import.meta.dirname, 'page.css'), 'utf8')}</style>
</head>
<body>
<header>
<p>${escapeHtml(summary)}</p>
<label><input type="checkbox" id="hide-code"> hide code</label>
<button type="button" id="theme">◐ Auto</button>
</header>
<div class="columns">
${renderContents(markdown.headings)}
<main>
${withOneCopyOfChartScripts(cells.join('\n'))}
</main>
</div>
<script>${bundleProgram()}</script>
</body>
</html>
`
}

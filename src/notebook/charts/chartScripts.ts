import fs from 'node:fs'
import { GrpoError } from '../../errors.js'
import { readPlotly } from '../../report/assets.js'
import { showBundle } from '../output.js'

/**
 * Puts plotly.js (1.2 MB) and what draws charts with it into the notebook, once for all its charts. For a cell at the top, which
 * then also serves a notebook that was saved and is opened again; without it the first chart brings it along.
 */
export function setUpCharts(): void {
  areSent = true
  showBundle({ 'text/html': chartScripts(), 'text/plain': 'charts: plotly.js' })
}

let areSent = false

/** The scripts when no output has brought them yet, or nothing. */
export function scriptsIfMissing(): string {
  if (areSent) return ''
  areSent = true
  return chartScripts()
}

/** plotly.js and what draws charts with it, as script elements. */
export function chartScripts(): string {
  // Notebook pages may have module loaders, which plotly.js would register with instead of making a global. Its global is given
  // back: the page may have another version of its own.
  const plotly = `(function(){var other=window.Plotly;(function(define,module,exports){${readPlotly()}\n}).call(window);window.grpoTsPlotly=window.Plotly||window.moduleName;if(other)window.Plotly=other})()`
  return [`if(!window.grpoTsPlotly)${plotly}`, readProgram()]
    .map((script) => `<script>${inScript(script)}</script>`)
    .join('')
}

/** Code that may stand in a script element: nothing in it ends the element or begins a comment of HTML. */
function inScript(code: string): string {
  return code.replaceAll(/<\/script/gi, '<\\/script').replaceAll('<!--', '<\\!--')
}

function readProgram(): string {
  const file = new URL('../../../dist/notebook/page/charts.js', import.meta.url)
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new GrpoError(`what draws charts is missing (${file.pathname}); run \`npm run build\``, { cause })
  }
}

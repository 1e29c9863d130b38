import { escapeHtml } from '../io/escapeHtml.js'
import type { PageAssets } from './assets.js'
import { pageHead } from './pageHead.js'
import type { ReportData } from './reportData.js'

/**
 * The page as one file that loads nothing. The data stand in it as JSON in which `<` is escaped, so that no text of theirs can
 * end the element; the page's program only ever makes text nodes of them. Should either fail, the content security policy lets no
 * other script run and nothing be fetched.
 */
export function renderPage(data: ReportData, assets: PageAssets): string {
  const scripts = [`${assets.plotly}\nglobalThis.Plotly ??= globalThis.moduleName\n`, assets.program]
  const head = pageHead({
    title: data.name,
    styles: assets.styles,
    scripts,
    // Pictures that Plotly makes of charts to be saved.
    images: 'data: blob:',
    connect: data.live ? "'self'" : "'none'",
  })
  return `${head}
<body>
<a class="skip" href="#traces">Skip to the traces</a>
<header class="top">
<div class="top-title"><h1>${escapeHtml(data.name)}</h1><p class="muted small">GRPO run, as of <time datetime="${escapeHtml(data.writtenAt)}">${escapeHtml(data.writtenAt.slice(0, 16).replace('T', ' '))} UTC</time></p></div>
<div id="live" class="live" hidden></div>
<nav aria-label="Parts of the report">
<a href="#overview">Overview</a>
<a href="#charts">Charts</a>
<a href="#notes">Diagnosis</a>
<a href="#traces">Traces</a>
<a href="#config">Options</a>
</nav>
<button type="button" id="theme">◐ Auto</button>
</header>
<main>
<noscript><p class="note note-warning">This report draws its charts and traces with JavaScript, which is switched off.</p></noscript>
<section id="overview" aria-labelledby="overview-title"><h2 id="overview-title">Overview</h2><div id="overview-content"></div></section>
<section id="comparison" aria-labelledby="comparison-title" hidden><h2 id="comparison-title">The same problem before and after</h2><div id="comparison-content"></div></section>
<section id="review" aria-labelledby="review-title" hidden><h2 id="review-title">Human evaluation</h2><div id="review-content"></div></section>
<section id="charts" aria-labelledby="charts-title"><h2 id="charts-title">Charts</h2><div id="charts-content"></div></section>
<section id="notes" aria-labelledby="notes-title"><h2 id="notes-title">Diagnosis</h2><div id="notes-content"></div></section>
<section id="preflight" aria-labelledby="preflight-title" hidden><h2 id="preflight-title">Preflight</h2><div id="preflight-content"></div></section>
<section id="traces" aria-labelledby="traces-title" tabindex="-1"><h2 id="traces-title">Traces of training</h2><div id="traces-content"></div></section>
<section id="config" aria-labelledby="config-title"><h2 id="config-title">Options of the run</h2><div id="config-content"></div></section>
</main>
<footer class="muted small">Made by grpo-ts. Charts by plotly.js, MIT licence, © Plotly, Inc.</footer>
<script type="application/json" id="run-data">${scriptJson(data)}</script>
<script>${scripts[0]!}</script>
<script>${scripts[1]!}</script>
</body>
</html>
`
}

/** JSON that may stand in a script element: `<` only occurs in strings, where an escape means the same. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

import { readBuilt } from '../report/assets.js'
import { scriptJson } from '../report/html.js'
import { pageHead } from '../report/pageHead.js'
import { escapeHtml } from '../io/escapeHtml.js'
import type { ReviewPageData } from './reviewData.js'

/**
 * The page of a review. Completions are no part of it: its program asks for one pair after the other, and makes text nodes of them. The
 * content security policy lets no other script run, and nothing be fetched from anywhere else.
 */
export function renderReviewPage(data: ReviewPageData): string {
  const program = readBuilt('review', 'page.js')
  const head = pageHead({
    title: `Review of ${data.name}`,
    styles: readBuilt('report', 'page.css') + readBuilt('review', 'page.css'),
    scripts: [program],
    images: 'data:',
    connect: "'self'",
  })
  return `${head}
<body>
<header class="top">
<div class="top-title"><h1>Review of ${escapeHtml(data.name)}</h1><p class="muted small">by ${escapeHtml(data.reviewer)}</p></div>
<div class="progress"><progress id="bar" max="1" value="0" aria-label="Pairs judged"></progress> <span id="count" aria-live="polite"></span></div>
<button type="button" id="theme">◐ Auto</button>
</header>
<main>
<noscript><p class="note note-warning">This page shows the answers with JavaScript, which is switched off.</p></noscript>
<p id="trouble" class="note note-error" role="alert" hidden></p>
<div id="review"></div>
</main>
<footer id="choices" class="choices" hidden></footer>
<script type="application/json" id="review-data">${scriptJson(data)}</script>
<script>${program}</script>
</body>
</html>
`
}

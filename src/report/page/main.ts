import type { ReportData } from '../reportData.js'
import { showCharts } from './charts/section.js'
import { byId } from './dom.js'
import { followRun } from './live.js'
import { showNotes } from './notes.js'
import { showOverview } from './overview.js'
import { Run } from './run.js'
import { showReview } from './review.js'
import { setUpTheme } from './theme.js'
import { showComparison } from './traces/comparisonViewer.js'
import { showTraces } from './traces/traceViewer.js'

const run = new Run(JSON.parse(byId('run-data').textContent) as ReportData)
showOverview(run)
showNotes(run)
showTraces(run)
showComparison(run)
showReview(run)
const charts = showCharts(run)
setUpTheme(charts.redraw)
followRun(run)

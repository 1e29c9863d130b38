import { atomicWriteFile } from '../io/atomicWrite.js'
import { pageAssets } from './assets.js'
import { renderPage } from './html.js'
import type { ReportData } from './reportData.js'
import { RunReader } from './runReader.js'
import { runLayout } from '../run/layout.js'

/**
 * Writes the report of a run as one self-contained HTML file: options, before and after, charts, diagnosis, and every completion
 * with its rewards. Whatever the folder lacks is left out; a last line that was cut when the run was killed is tolerated.
 * @param runFolder the folder of the run, such as runs/quickstart
 * @param file where to; defaults to report.html in that folder
 * @returns the file
 * @throws DataError when there is no such folder, GrpoError when the file cannot be written
 */
export function writeReport(runFolder: string, file: string = runLayout(runFolder).report): string {
  const contents = new RunReader(runFolder).read({ final: true })
  const data: ReportData = { ...contents, writtenAt: new Date().toISOString(), live: null }
  atomicWriteFile(file, renderPage(data, pageAssets()))
  return file
}

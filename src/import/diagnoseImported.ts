import { RunDiagnosis } from '../grpo/diagnosis/runDiagnosis.js'
import type { DiagnosisConfig } from '../grpo/diagnosis/finding.js'
import { correctnessJudge } from '../rewards/judge.js'
import type { MetricsLine } from '../run/metricsFile.js'
import type { ImportContext } from './importContext.js'
import type { ImportedFinding } from './importedRun.js'

/** What our diagnosis would have said while the run went on. Without a configuration nothing is diagnosed: rules look at options. */
export function diagnoseImported(
  metrics: readonly MetricsLine[],
  { config, rewards }: ImportContext,
): { lines: ImportedFinding[]; notes: string[] } {
  if (config === null) {
    return { lines: [], notes: ['there is no diagnosis: no configuration says what the run was to be (--config)'] }
  }
  const options: DiagnosisConfig = { ...config.grpo, judge: correctnessJudge(rewards)?.name ?? null }
  const diagnosis = new RunDiagnosis(options)
  const lines = metrics.flatMap(({ step, ...values }) =>
    diagnosis.add(step, values).flatMap((finding) => (finding.state === 'ongoing' ? [] : [{ step, ...finding }])),
  )
  return { lines, notes: [] }
}

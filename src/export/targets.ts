import type { ExportTarget } from './exportPlan.js'
import { trlTarget } from './trl/trlTarget.js'

/** The engines that runs can be exported to. */
export const exportTargets: readonly ExportTarget[] = [trlTarget]

import type { ExportTarget } from './exportPlan.js'
import { openrlhfTarget } from './openrlhf/openrlhfTarget.js'
import { trlTarget } from './trl/trlTarget.js'
import { verlTarget } from './verl/verlTarget.js'

/** The engines that runs can be exported to. */
export const exportTargets: readonly ExportTarget[] = [trlTarget, verlTarget, openrlhfTarget]

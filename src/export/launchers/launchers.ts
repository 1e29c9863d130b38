import { hfJobs } from './hfJobs.js'
import type { Launcher } from './launcher.js'
import { sky } from './sky.js'
import { slurm } from './slurm.js'

const local: Launcher = { name: 'local', check: () => undefined, files: () => ({}), readme: () => '' }

export const launchers: readonly Launcher[] = [local, sky, slurm, hfJobs]

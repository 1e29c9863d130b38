import type { Launcher } from './launcher.js'
import { nodesOf } from './launcher.js'

/** A batch script of Slurm: one run.sh on each machine, which starts the processes of its GPUs. */
export const slurm: Launcher = {
  name: 'slurm',
  check: nodesOf,
  files({ processes }) {
    const { nodes, gpus } = nodesOf(processes)
    return {
      'slurm.sh': `#!/bin/bash
#SBATCH --job-name=grpo-ts
#SBATCH --nodes=${nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=${gpus}
#SBATCH --cpus-per-task=${4 * gpus}
#SBATCH --time=24:00:00
#SBATCH --output=slurm-%j.out
# Add what your cluster asks for, such as --partition and --account.
set -euo pipefail
# Slurm runs a copy of this file: the folder, which all machines see, is where sbatch was called.
cd "$SLURM_SUBMIT_DIR"
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000)) NNODES=$SLURM_JOB_NUM_NODES
# shellcheck disable=SC2016
srun --kill-on-bad-exit=1 bash -c 'NODE_RANK=$SLURM_NODEID exec bash run.sh "$@"' run.sh "$@"
`,
    }
  },
  readme: () => `
### With Slurm

\`\`\`sh
bash setup.sh      # once, where packages can be downloaded, in a folder that all machines see
sbatch slurm.sh    # from this folder
\`\`\`

One reward service runs on each machine. slurm.sh was not run on a cluster; with stand-ins for srun and scontrol it was, two run.sh
on one machine.
`,
}

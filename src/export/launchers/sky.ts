import { stringify } from 'yaml'
import type { Launcher } from './launcher.js'
import { nodesOf } from './launcher.js'

/** GPUs of 80 GB, of which SkyPilot takes the cheapest that it finds. */
const accelerators = ['H100', 'A100-80GB', 'H200']

const run = `export NNODES=$SKYPILOT_NUM_NODES NODE_RANK=$SKYPILOT_NODE_RANK MASTER_PORT=29500
MASTER_ADDR=$(echo "$SKYPILOT_NODE_IPS" | head -n 1)
export MASTER_ADDR
bash run.sh
`

/** A task of SkyPilot, which rents machines of clouds and clusters. */
export const sky: Launcher = {
  name: 'sky',
  check: nodesOf,
  files({ processes }) {
    const { nodes, gpus } = nodesOf(processes)
    const task = {
      name: 'grpo-ts',
      resources: { accelerators: Object.fromEntries(accelerators.map((name) => [name, gpus])), disk_size: 256 },
      num_nodes: nodes,
      workdir: '.',
      setup: 'bash setup.sh\n',
      run,
    }
    return { 'sky.yaml': `# sky launch -c grpo-ts sky.yaml\n${stringify(task, { lineWidth: 0 })}` }
  },
  readme: () => `
### With SkyPilot

\`\`\`sh
sky launch -c grpo-ts sky.yaml      # --secret HF_TOKEN for a model that asks for it
rsync -az grpo-ts:sky_workdir/output . && sky down grpo-ts
\`\`\`

sky.yaml was checked against the schema of SkyPilot 0.14.1 when this version of grpo-ts was made; it was not run in a cloud.
`,
}

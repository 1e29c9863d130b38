import { ConfigError } from '../../errors.js'
import type { Launcher } from './launcher.js'

/** Hardware of Hugging Face Jobs, by its number of GPUs. */
const flavors = new Map([
  [1, 'h200'],
  [2, 'h200x2'],
  [4, 'h200x4'],
  [8, 'h200x8'],
])

function flavorOf(processes: number): string {
  const flavor = flavors.get(processes)
  if (flavor !== undefined) return flavor
  throw new ConfigError(
    `Hugging Face Jobs has machines of ${[...flavors.keys()].join(', ')} GPUs, one for a job; got --processes ${processes}`,
  )
}

/** A job of Hugging Face, by the commands of `hf`: the folder goes into a bucket, where the job trains in it. */
export const hfJobs: Launcher = {
  name: 'hf-jobs',
  check: flavorOf,
  files: ({ processes }) => ({
    'hf-jobs.sh': `#!/usr/bin/env bash
# Runs this folder as a job of Hugging Face: BUCKET=OWNER/NAME bash hf-jobs.sh, with hf of huggingface_hub 2.4.
#   BUCKET   bucket that the folder is copied to and trained in; it is made, private, where it is missing
#   FLAVOR   machine: ${flavorOf(processes)}
#   TIMEOUT  longest duration, which Jobs takes for half an hour otherwise: 24h
set -euo pipefail
cd -- "$(dirname -- "\${BASH_SOURCE[0]}")"

folder=hf://buckets/\${BUCKET:?BUCKET=OWNER/NAME names the bucket to train in}/grpo-ts
hf buckets create "$BUCKET" --private --exist-ok
hf buckets sync . "$folder" --exclude 'venv/*' --exclude 'node_modules/*'
code=0
hf jobs run --flavor "\${FLAVOR:-${flavorOf(processes)}}" --timeout "\${TIMEOUT:-24h}" --secrets HF_TOKEN --volume "$folder:/export" python:3.12 \\
  bash /export/hf-job.sh || code=$?
hf buckets sync "$folder/output" output
exit "$code"
`,
    'hf-job.sh': `#!/usr/bin/env bash
# What hf-jobs.sh runs in the job: trains in a copy on the disk of the machine, and writes what comes back to the bucket now and then.
set -euo pipefail
cp -r /export /tmp/run
cd /tmp/run
save() { for name in output logs; do [[ ! -d $name ]] || cp -ru "$name" /export/; done; }
trap save EXIT
trap 'exit 143' TERM
bash setup.sh
while sleep 300; do save; done &
bash run.sh &
wait $!
`,
  }),
  readme: () => `
### As a job of Hugging Face

\`\`\`sh
BUCKET=OWNER/NAME bash hf-jobs.sh
\`\`\`

Its commands were compared with the help of \`hf\` (huggingface_hub 2.4.0); the job was not run.
`,
}

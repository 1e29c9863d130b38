import { PromptSampler } from '../../grpo/rollouts/promptSampler.js'
import type { ExportedFiles, ExportPlan, ExportTarget } from '../exportPlan.js'
import { modelPath, pythonModel } from '../modelPath.js'
import { onRay } from '../scripts/onRay.js'
import { mapOptions } from '../optionOutcome.js'
import { promptsParquet } from '../promptsParquet.js'
import { rolloutBatches } from '../rolloutBatches.js'
import { textPrompts } from '../textPrompts.js'
import { template } from '../template.js'
import { bashFlags } from './flags.js'
import { openrlhfOptions } from './openrlhfOptions.js'

/** With what it pins itself: vLLM 0.29.0, transformers 5.15.0, deepspeed 0.19.6, flash-attn 2.8.3. */
const REQUIREMENTS = ['openrlhf[vllm]==0.11.2']

/** What OpenRLHF needs besides the options of a run. */
const fixedSettings = {
  // By default it clips advantages to ±10.
  'reward.clip_range': [-1_000_000_000, 1_000_000_000],
}

/** Paths are lists to OpenRLHF, and what follows an @ is a folder within. */
const guard = `case $PWD in *[,@]*)
  echo "run.sh: OpenRLHF splits paths at commas and @; move this folder from $PWD to another place" >&2
  exit 2
esac
`

/** OpenRLHF on one node or several, on Ray: `python -m openrlhf.cli.train_ppo_ray`, for which run.sh has all options. */
export const openrlhfTarget: ExportTarget = { name: 'openrlhf', title: 'OpenRLHF 0.11.2', files }

function files(plan: ExportPlan): ExportedFiles {
  const { settings, options } = mapOptions('OpenRLHF', openrlhfOptions, plan)
  const flags = Object.entries({ ...settings, ...fixedSettings }).filter(
    ([name]) => name !== 'actor.model_name_or_path',
  )
  const prompts = textPrompts(plan, { addSpecialTokens: false })
  const rows = order(plan).map((i) => ({ prompt: prompts[i]!, problem_id: plan.task.problems[i]!.id }))
  const command = template('train.sh', import.meta.url)
    .replace('{{MODEL}}', () => modelPath(plan.model))
    .replace('{{FLAGS}}', () => bashFlags(Object.fromEntries(flags)))
  return {
    files: {
      'data/train.parquet': promptsParquet(rows),
      'check_prompts.py': template('check_prompts.py', import.meta.url).replace('{{MODEL}}', () =>
        pythonModel(plan.model),
      ),
    },
    rewardFunctions: template('reward_functions.py', import.meta.url),
    requirements: REQUIREMENTS,
    trainCommand: guard + onRay(command),
    options,
    comesBack: comesBack(),
  }
}

/** Numbers of the problems whose prompts the data holds: each once, or with max_steps those that so many steps take here. */
function order(plan: ExportPlan): number[] {
  const { config, task } = plan
  const count = task.problems.length
  const batches = rolloutBatches(plan)
  if (config.grpo.maxSteps <= 0 || typeof batches === 'string') return Array.from({ length: count }, (_, i) => i)
  const sampler = new PromptSampler(count, config.grpo.shuffleDataset, config.grpo.seed)
  return Array.from({ length: batches.prompts * batches.rollouts }, () => sampler.next())
}

function comesBack(): string {
  return `\`output/\` holds the model with all its weights trained, in Hugging Face's layout and bfloat16; \`output/checkpoints/\` those of earlier
steps, from which \`bash run.sh --ckpt.load_enable\` goes on; \`output/tensorboard/\` the metrics of every step. OpenRLHF keeps no
completions.

\`\`\`sh
npx grpo-ts eval . --adapter output   # paired, the model before and after, on held-out problems
\`\`\`

A completion that no reward function judged counts as 0. OpenRLHF itself would ask the service five times within five seconds and go on
without a reward; \`reward_func\` of grpo_ts_rewards.py waits ten minutes for it, and the training ends where it stays away.

grpo-ts has checked that OpenRLHF reads this folder's options, data and reward function (\`npm run test:openrlhf\`); it was not trained
with OpenRLHF.`
}

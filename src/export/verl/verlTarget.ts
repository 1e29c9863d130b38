import type { ExportedFiles, ExportPlan, ExportTarget } from '../exportPlan.js'
import { modelPath, pythonModel } from '../modelPath.js'
import { onRay } from '../scripts/onRay.js'
import { mapOptions } from '../optionOutcome.js'
import { stringifyForPyYaml } from '../pyYaml.js'
import { template } from '../template.js'
import { chatPrompts } from './chatPrompts.js'
import { verlParquet } from './parquet.js'
import { verlOptions } from './verlOptions.js'

/** With what its own extras pin: vLLM 0.24.0, torch 2.11.0, transformers 5.9.0, flash-attn 2.8.3. */
const REQUIREMENTS = ['verl[vllm,fsdp]==0.9.1']

/** verl begins its log anew when it goes on from a checkpoint. */
const keepLog = `export VERL_FILE_LOGGER_ROOT=$PWD/output
log=output/grpo-ts/run.jsonl
[[ ! -e $log ]] || mv -- "$log" "$log.$(date -u +%Y%m%dT%H%M%SZ)"
`

/** verl on one node or several, on Ray: `python -m verl.trainer.main_ppo --config-name verl`. */
export const verlTarget: ExportTarget = { name: 'verl', title: 'verl 0.9.1', files }

function files(plan: ExportPlan): ExportedFiles {
  const { settings, options } = mapOptions('verl', verlOptions, plan)
  const chats = chatPrompts(plan)
  const rows = plan.task.problems.map(({ id, answer }, i) => ({
    data_source: `grpo-ts/${plan.task.name}`,
    prompt: chats[i]!,
    ability: plan.task.name,
    reward_model: { style: 'rule', ground_truth: answer },
    extra_info: { index: i, split: plan.config.run.split, problem_id: id },
  }))
  const command = template('train.sh', import.meta.url).replace('{{MODEL}}', () => modelPath(plan.model))
  return {
    files: {
      'verl.yaml': `# What differs from verl's own defaults, for hydra: see README.md for where each comes from.\n${stringifyForPyYaml(configuration({ ...settings, ...fixedSettings(plan) }))}`,
      'data/train.parquet': verlParquet(rows),
      'check_prompts.py': template('check_prompts.py', import.meta.url).replace('{{MODEL}}', () =>
        pythonModel(plan.model),
      ),
    },
    rewardFunctions: template('reward_functions.py', import.meta.url),
    requirements: REQUIREMENTS,
    trainCommand: keepLog + onRay(command),
    options,
    comesBack: comesBack(plan),
  }
}

/** What verl needs besides the options of a run. */
function fixedSettings({ prompts }: ExportPlan): Record<string, unknown> {
  return {
    'data.val_files': './data/train.parquet',
    'data.max_prompt_length': Math.max(...prompts.map(({ ids }) => ids.length)),
    'actor_rollout_ref.rollout.name': 'vllm',
    'actor_rollout_ref.rollout.tensor_model_parallel_size': 1,
    'reward.custom_reward_function.path': './grpo_ts_rewards.py',
    'reward.reward_manager.source': 'importlib',
    'reward.reward_manager.name': 'TokenRewardManager',
    'reward.reward_manager.module.path': './grpo_ts_rewards.py',
    'trainer.project_name': 'grpo-ts',
    'trainer.val_before_train': false,
    'trainer.test_freq': -1,
  }
}

/** The settings as the nested sections of a hydra configuration, after verl's own one. */
function configuration(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const config: Record<string, unknown> = {
    defaults: ['ppo_trainer', '_self_'],
    hydra: { searchpath: ['pkg://verl.trainer.config'], run: { dir: '.' }, output_subdir: null },
  }
  for (const [key, value] of Object.entries(settings)) {
    const names = key.split('.')
    const last = names.pop()!
    let section = config
    for (const name of names) section = (section[name] ??= {}) as Record<string, unknown>
    section[last] = value
  }
  return config
}

function comesBack({ config }: ExportPlan): string {
  const { usePeft } = config.run
  const merged = usePeft
    ? `\`output/merged/lora_adapter/\` then holds the adapter in PEFT's layout.

\`\`\`sh
npx grpo-ts eval . --adapter output/merged/lora_adapter   # paired, against the model without it
npx grpo-ts import . --output ../imported
\`\`\``
    : `\`output/merged/\` then holds the model in Hugging Face's layout.

\`\`\`sh
npx grpo-ts eval . --adapter output/merged   # paired, the model before and after
npx grpo-ts import . --output ../imported
\`\`\``
  return `\`output/global_step_N/\` are verl's checkpoints, from the last of which run.sh goes on when it is started again;
\`output/grpo-ts/run.jsonl\` holds the metrics of every step since then, \`output/rollouts/N.jsonl\` its completions. verl's checkpoints are in
shards; its own merger makes one model of them:

\`\`\`sh
python -m verl.model_merger merge --backend fsdp --local_dir output/global_step_N/actor --target_dir output/merged
\`\`\`

${merged}

A completion whose reward the service did not give within ten minutes is left out of its group by verl, with a line "Error in
_run_prompt"; a completion that no reward function judged counts as 0.

grpo-ts has checked that verl reads this folder's configuration, data and reward functions (\`npm run test:verl\`); it was not trained
with verl.`
}

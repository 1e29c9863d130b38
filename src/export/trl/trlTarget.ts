import type { ExportedFiles, ExportPlan, ExportTarget } from '../exportPlan.js'
import { mapOptions } from '../optionOutcome.js'
import { pythonNames } from '../python/pythonNames.js'
import { promptsParquet } from '../promptsParquet.js'
import { stringifyForPyYaml } from '../pyYaml.js'
import { textPrompts } from '../textPrompts.js'
import { template } from '../template.js'
import { trlOptions, trlSettings } from './trlOptions.js'

const REQUIREMENTS = [
  'trl==1.16.0',
  'transformers==5.23.0',
  'peft==0.21.2',
  'accelerate==1.15.0',
  'datasets==5.2.0',
  'torch==2.13.0',
]

/** TRL on one machine or several, started by torchrun: TRL's own script, by way of train.py. */
export const trlTarget: ExportTarget = { name: 'trl', title: 'TRL 1.16', files }

function files(plan: ExportPlan): ExportedFiles {
  const { settings, options } = mapOptions('TRL', trlOptions, plan)
  const functions = template('reward_functions.py', import.meta.url)
  const names = pythonNames(
    plan.rewards.map(({ name }) => name),
    functions,
  )
  const prompts = textPrompts(plan)
  const rows = plan.task.problems.map(({ id }, i) => ({ prompt: prompts[i]!, problem_id: id }))
  const config = {
    ...settings,
    reward_funcs: names.map((name) => `grpo_ts_rewards.${name}`),
    ...trlSettings,
  }
  return {
    files: {
      'trl.yaml': `# Options of TRL, by its names, for PyYAML (YAML 1.1): see README.md for where each comes from.\n${stringifyForPyYaml(config)}`,
      'data/train.parquet': promptsParquet(rows),
      'check_prompts.py': template('check_prompts.py', import.meta.url),
      'train.py': template('train.py', import.meta.url),
    },
    rewardFunctions: [
      functions.replace('{{EOS_TOKEN_IDS}}', JSON.stringify(plan.tokenizer.eosTokenIds)),
      // The first one logs for all.
      ...names.map(
        (name, i) => `${name} = _reward(${JSON.stringify(plan.rewards[i]!.name)}${i === 0 ? ', logs=True' : ''})`,
      ),
    ].join('\n\n'),
    requirements: [
      ...REQUIREMENTS,
      ...(['int4', 'int8'].includes(plan.config.run.dtype) ? ['bitsandbytes==0.50.2'] : []),
      ...(plan.config.grpo.reportTo.length > 0 ? ['tensorboard==2.21.0'] : []),
    ],
    trainCommand: template('train.sh', import.meta.url),
    options,
    comesBack: comesBack(plan),
  }
}

function comesBack({ config }: ExportPlan): string {
  const { usePeft } = config.run
  const what = usePeft
    ? "the adapter in PEFT's layout (adapter_config.json, adapter_model.safetensors)"
    : "the model with all its weights trained, in Hugging Face's layout"
  return `\`output/\` holds ${what}, \`output/checkpoint-N/\` those of earlier steps with
trainer_state.json, the metrics of every step, and \`output/completions/\` the completions of every step as parquet. In this folder:

\`\`\`sh
npx grpo-ts eval . --adapter output         # paired, ${usePeft ? 'with and without the adapter' : 'the model before and after'}, on held-out problems
npx grpo-ts import . --output ../imported   # an ordinary run folder: report, diagnosis and push work on it
\`\`\``
}

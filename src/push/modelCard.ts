import type { Evaluation } from '../run/evaluation.js'
import { describeComparison } from '../eval/verdict.js'
import { weightLimits } from './baseWeights.js'
import { cardMetadata, hubDataset } from './cardMetadata.js'
import { headline, markdownTable, placeboText, resultTables } from './cardTables.js'
import { cardPolicies, evaluatedSplit } from './results.js'
import type { CardPolicies } from './results.js'
import { isJsonObject } from '../io/json.js'
import type { TrainedRun } from './trainedRun.js'
import { usageText } from './usage.js'
import { runFileNames } from '../run/fileNames.js'

export interface CardOptions {
  /** `owner/name`. */
  readonly repository: string
  /** As the Hub spells it, such as apache-2.0; null leaves it out. */
  readonly license: string | null
  /** Whether the tokenizer's files are in the repository. */
  readonly hasTokenizer: boolean
  /** Of grpo-ts. */
  readonly version: string
}

/** Options of a run that make its recipe, by their names in config.yaml, in the order of the card. */
const recipe = [
  'loss_type',
  'beta',
  'epsilon',
  'epsilon_high',
  'num_iterations',
  'scale_rewards',
  'num_generations',
  'per_device_train_batch_size',
  'gradient_accumulation_steps',
  'max_steps',
  'num_train_epochs',
  'learning_rate',
  'lr_scheduler_type',
  'warmup_steps',
  'weight_decay',
  'max_grad_norm',
  'max_completion_length',
  'temperature',
  'top_p',
  'top_k',
  'mask_truncated_completions',
  'dtype',
  'lora_r',
  'lora_alpha',
  'lora_target_modules',
  'seed',
]

/** Options that are told where they are not left at false, 0, null or nothing. */
const extraOptions = [
  'lr_scheduler_kwargs',
  'use_rslora',
  'lora_dropout',
  'exclude_modules',
  'layers_to_transform',
  'rank_pattern',
  'alpha_pattern',
]

/**
 * The card of a trained adapter, README.md of its repository: made from the run's own files, so that it says what was done and
 * measured and nothing else. What was not measured is said to be so.
 */
export function modelCard(run: TrainedRun, options: CardOptions): string {
  const name = options.repository.split('/')[1]!
  const sections = [
    `# ${name}`,
    introduction(run, options.version),
    `## Results\n\n${resultsText(run)}`,
    `## Training\n\n${trainingText(run)}`,
    `## Limits\n\n${limits(run)
      .map((limit) => `- ${limit}`)
      .join('\n')}`,
    `## How to load it\n\n${usageText(run, options.repository, options.hasTokenizer)}`,
    ...promptSection(run),
    `## Citation\n\n${citation}`,
  ]
  return `---\n${cardMetadata(run, name, options.license)}---\n\n${sections.join('\n\n')}\n`
}

function introduction(run: TrainedRun, version: string): string {
  const { baseModel, baseWeights, config, evaluation, importedFrom } = run
  const { id, revision, name, isEmbedded, original } = baseModel
  const commit = revision === null ? '' : ` (revision \`${revision}\`)`
  const base =
    id === null
      ? `\`${name}\`, a model that ${isEmbedded ? 'comes with grpo-ts' : 'is not on the Hub'}`
      : `[${id}](https://huggingface.co/${id})${commit}`
  const task = typeof config?.task === 'string' ? ` on the task \`${config.task}\`` : ''
  const measured = evaluation && headline(evaluation)
  const made = original === null ? '' : ` (made from ${original})`
  const quantised = baseWeights.trained === null ? '' : `, with its weights quantised (${baseWeights.trained})`
  const trainer = importedFrom === null ? `grpo-ts ${version}` : `${importedFrom} and imported by grpo-ts ${version}`
  return (
    `A LoRA adapter for ${base}${made}${quantised}, trained with GRPO (Group Relative Policy Optimization)${task} by ${trainer}.` +
    (measured ? ` ${measured}` : '')
  )
}

function resultsText(run: TrainedRun): string {
  const { evaluation, baseWeights } = run
  const policies = evaluation && cardPolicies(evaluation)
  if (!evaluation || !policies) {
    return 'Not evaluated. Rewards during training are no evaluation: they are of the problems that were trained on.'
  }
  const { settings, task } = evaluation
  const split = evaluatedSplit(evaluation)
  const where = split === null ? '' : `, ${split} split`
  const sampling = [
    `temperature ${settings.temperature}`,
    ...(settings.topP < 1 ? [`top-p ${settings.topP}`] : []),
    ...(settings.topK > 0 ? [`top-k ${settings.topK}`] : []),
    ...(settings.minP > 0 ? [`min-p ${settings.minP}`] : []),
  ].join(', ')
  const weights = baseWeights.measured === null ? '' : ` Weights of the base model: ${baseWeights.measured}.`
  const sampled = settings.samples > 0 ? ` Sampled completions: ${sampling}, seed ${settings.seed}.` : ''
  return (
    `Task \`${task}\`${where}; every model got the same problems and prompts, with at most ${settings.maxCompletionLength} ` +
    `tokens for a completion.${sampled}${weights} In brackets: ${100 * settings.confidence} % confidence intervals. Measured ${evaluation.createdAt.slice(0, 10)}; ` +
    `\`training/${runFileNames.evaluation}\` has every completion.\n\n${resultTables(evaluation, policies)}\n\n${verdict(evaluation, policies)}${placeboText(evaluation, policies)}`
  )
}

/** What the comparison with the base model shows, in words. */
function verdict(evaluation: Evaluation, { base, trained }: CardPolicies): string {
  const comparison = evaluation.comparisons.find((one) => one.baseline === base?.name && one.policy === trained.name)
  if (!comparison) return ''
  const lines = describeComparison(comparison, evaluation.settings)
  return `${lines.map((line) => `- ${line.trim()}`).join('\n')}\n\n`
}

function trainingText(run: TrainedRun): string {
  const { config, metrics } = run
  const dataset = hubDataset(run)
  const lines = [
    ...(config
      ? [`Task: \`${String(config.task)}\`${describeData(run)}.`]
      : ['The options of the run were not recorded.']),
    ...(dataset
      ? [
          `Data: [${dataset.id}](https://huggingface.co/datasets/${dataset.id})${dataset.revision === null ? '' : `, revision \`${dataset.revision}\``}.`,
        ]
      : []),
    ...(Array.isArray(config?.rewards)
      ? [`Rewards: ${config.rewards.map((reward) => `\`${String(reward)}\``).join(', ')}.`]
      : []),
    ...describeMetrics(metrics),
  ]
  const rows = [...recipe, ...extraOptions].flatMap((name) => {
    const value = config?.[name]
    if (value === undefined || value === null || (extraOptions.includes(name) && isNothing(value))) return []
    return [[`\`${name}\``, optionText(value)]]
  })
  const table =
    rows.length > 0
      ? `\n\n${markdownTable(['option', 'value'], rows)}\n\nAll options: \`training/${runFileNames.config}\`.`
      : ''
  return `${lines.join('\n')}${table}`
}

function isNothing(value: unknown): boolean {
  return value === false || value === 0 || (isJsonObject(value) && Object.keys(value).length === 0)
}

function optionText(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : JSON.stringify(value)
}

function describeData({ config }: TrainedRun): string {
  const parts = [
    ...(typeof config?.split === 'string' ? [`${config.split} split`] : []),
    ...(typeof config?.limit === 'number' ? [`the first ${config.limit} problems`] : []),
    ...(typeof config?.shots === 'number' ? [`${config.shots} worked examples before each question`] : []),
  ]
  return parts.length > 0 ? ` (${parts.join(', ')})` : ''
}

/** What metrics.jsonl says of the whole run. */
function describeMetrics(metrics: TrainedRun['metrics']): string[] {
  const rewards = metrics.flatMap(({ reward }) => (typeof reward === 'number' ? [reward] : []))
  const last = metrics.at(-1)
  if (!last || rewards.length === 0) return ['The metrics of the run were not recorded.']
  const tenth = Math.max(1, Math.floor(rewards.length / 10))
  const mean = (values: readonly number[]): string => (values.reduce((sum, x) => sum + x, 0) / values.length).toFixed(3)
  return [
    `${last.step} steps; mean reward ${mean(rewards.slice(0, tenth))} in the first tenth of them, ` +
      `${mean(rewards.slice(-tenth))} in the last. \`training/${runFileNames.metrics}\` has every step.`,
  ]
}

/** What the numbers do not show. */
function limits(run: TrainedRun): string[] {
  const { evaluation, config } = run
  const policies = evaluation && cardPolicies(evaluation)
  const seed = config?.seed
  const list = [
    `One training run${typeof seed === 'number' ? ` (seed ${seed})` : ''}: how much another seed would change was not measured.`,
  ]
  if (!evaluation || !policies)
    return [...list, ...weightLimits(run.baseWeights), 'Nothing is known of what it can do: it was not evaluated.']
  const { problems, task } = evaluation
  list.push(
    `Measured on ${problems.length} problems of one task (\`${task}\`); the intervals cover the draw of the problems` +
      `${policies.trained.sampled ? ' and of the completions' : ''}. Other tasks, languages and prompts were not measured, nor safety.`,
  )
  const split = evaluatedSplit(evaluation)
  if (split === 'train' || (split !== null && config?.split === split && config.task === task)) {
    list.push('**These are problems of the split that it was trained on**: the results say nothing of new ones.')
  }
  const after = policies.trained.greedy ?? policies.trained.sampled
  if (after && after.truncated.value > 0.05) {
    list.push(
      `${(100 * after.truncated.value).toFixed(0)} % of the completions were cut off before their end and count as they stand.`,
    )
  }
  if (after && after.accuracyLenient.value - after.accuracy.value > 0.05) {
    list.push(
      'Some right answers are not in the form asked for: strict and lenient results differ by more than five points.',
    )
  }
  list.push(...weightLimits(run.baseWeights))
  if (!policies.base) list.push('The base model was not measured, so what training changed is not known.')
  list.push('Answers are judged by rules, not by people: a right answer may rest on wrong steps.')
  return list
}

/** The prompt as the model got it, when an evaluation tells. */
function promptSection({ evaluation }: TrainedRun): string[] {
  const prompt = evaluation?.problems[0]?.prompt
  if (prompt === undefined || prompt.length > 2000) return []
  const fence = prompt.includes('```') ? '~~~~' : '```'
  return [`## Prompt\n\nThe results are of prompts of this form:\n\n${fence}text\n${prompt}\n${fence}`]
}

const citation = `\`\`\`bibtex
@article{shao2024deepseekmath,
  title   = {{DeepSeekMath}: Pushing the Limits of Mathematical Reasoning in Open Language Models},
  author  = {Shao, Zhihong and Wang, Peiyi and Zhu, Qihao and Xu, Runxin and Song, Junxiao and Bi, Xiao and Zhang, Haowei and Zhang, Mingchuan and Li, Y. K. and Wu, Y. and Guo, Daya},
  journal = {arXiv preprint arXiv:2402.03300},
  year    = {2024}
}

@article{hu2021lora,
  title   = {{LoRA}: Low-Rank Adaptation of Large Language Models},
  author  = {Hu, Edward J. and Shen, Yelong and Wallis, Phillip and Allen-Zhu, Zeyuan and Li, Yuanzhi and Wang, Shean and Wang, Lu and Chen, Weizhu},
  journal = {arXiv preprint arXiv:2106.09685},
  year    = {2021}
}
\`\`\``

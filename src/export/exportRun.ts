import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../errors.js'
import { formatTrainOptions } from '../grpo/config/trainConfig.js'
import type { TrainConfig } from '../grpo/config/trainConfig.js'
import type { DownloadOptions } from '../hub/download.js'
import { checkNewFolder, writeNewFolder } from '../io/newFolder.js'
import { loadRewards } from '../rewards/loadReward.js'
import { rewardsHash } from '../server/rewards/configHash.js'
import { loadTask } from '../tasks/loadTask.js'
import type { ExportPlan, ExportTarget } from './exportPlan.js'
import { copyData } from './copyData.js'
import { copyFiles, copyModel, modelSource, runSources } from './exportSources.js'
import type { ModelSource, RunSources } from './exportSources.js'
import type { Launcher } from './launchers/launcher.js'
import { packageJson } from './packageJson.js'
import { clientSource } from './python/pythonNames.js'
import { readme } from './readme.js'
import { runScript, setupScript } from './scripts/runScript.js'

export interface ExportOptions {
  readonly target: ExportTarget
  readonly launcher: Launcher
  readonly processes: number
  /** Folder that is made; it must be empty or not exist. */
  readonly output: string
  readonly download?: DownloadOptions
}

/**
 * Writes a folder that trains a run with another engine: its configuration and data in the engine's own form, our config.yaml for the
 * reward service, and run.sh that starts both. It appears when all of it is written, and not at all when anything fails.
 *
 * Throws a ConfigError for what the engine cannot do, all of it at once, and for processes that the launcher cannot place, and whatever loading the task and the rewards throws.
 */
export async function exportRun(config: TrainConfig, options: ExportOptions): Promise<ExportPlan> {
  const { target, launcher, processes, output, download = {} } = options
  checkNewFolder(output)
  launcher.check(processes)
  const rewards = await loadRewards(config.run.rewards, config.run)
  const task = await loadTask(config.run.task, config.task)
  if (task.problems.length === 0) throw new ConfigError(`task ${task.name} has no problems; there is nothing to export`)
  const model = await modelSource(config.run.model, download)
  const sources = await runSources(config, model.exported, download)
  checkOutside(output, sources.data?.from)
  const plan: ExportPlan = {
    config: sources.config,
    task,
    tokenizer: model.tokenizer,
    prompts: task.problems.map((problem) => task.prompt(problem, model.tokenizer)),
    rewards: rewards.map(({ name, weight }, i) => ({ name, weight: config.run.rewardWeights?.[i] ?? weight })),
    model: model.exported,
    processes,
    configHash: rewardsHash(config, task),
  }
  const exported = target.files(plan)
  const notes = notesOf(config, sources)
  const promptIds = plan.prompts.map(({ ids }, i) => JSON.stringify({ problem_id: task.problems[i]!.id, ids }))
  const files: Record<string, string | Uint8Array> = {
    'config.yaml': `# The run that was exported: grpo-ts serve-rewards reads it here.\n${formatTrainOptions(plan.config.run)}`,
    'package.json': packageJson(sources.modules),
    'grpo_ts_rewards.py': rewardModule(exported.rewardFunctions, plan.configHash),
    'requirements.txt': exported.requirements.map((line) => `${line}\n`).join(''),
    'run.sh': runScript(target, processes, exported.trainCommand),
    'setup.sh': setupScript(),
    'README.md': readme(target, plan, exported, { launcher, notes }),
    'prompt_ids.jsonl': promptIds.map((line) => `${line}\n`).join(''),
    ...launcher.files(plan),
    ...exported.files,
  }
  await writeNewFolder(output, (folder) => writeExport(folder, files, model, sources))
  return plan
}

/** Throws a ConfigError for an output within what is copied into it. */
function checkOutside(output: string, data: string | undefined): void {
  if (data === undefined) return
  const around = path.dirname(path.resolve(output))
  const place = fs.existsSync(around) ? fs.realpathSync(around) : around
  if (!(place + path.sep).startsWith(fs.realpathSync(data) + path.sep)) return
  throw new ConfigError(`output ${output} lies in the data that is copied into it, ${data}; give another folder`)
}

function rewardModule(rewardFunctions: string, configHash: string): string {
  const client = clientSource().replace('{{CONFIG_HASH}}', configHash)
  return `${client}\n\n${rewardFunctions.trim()}\n\n\nif __name__ == "__main__":\n    sys.exit(main())\n`
}

async function writeExport(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  model: ModelSource,
  { modules, data }: RunSources,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    await fs.promises.mkdir(path.dirname(file), { recursive: true })
    await fs.promises.writeFile(file, content, { mode: name.endsWith('.sh') ? 0o755 : 0o644 })
  }
  if (model.folder !== null) await copyModel(model.folder, path.join(folder, 'model'))
  if (data !== null) await copyData(data.from, path.join(folder, data.to))
  for (const [name, from] of modules?.files ?? []) await copyFiles(from, path.join(folder, 'modules', name))
}

/** What the export cannot know whether it runs elsewhere. */
function notesOf({ run }: TrainConfig, { modules }: RunSources): string[] {
  const paths = Object.entries(run.taskOptions).filter(([, value]) => typeof value === 'string' && fs.existsSync(value))
  return [
    ...paths.map(
      ([name, value]) =>
        `task_options.${name} is \`${String(value)}\`, a file of the machine that exported: copy it, and change config.yaml`,
    ),
    ...(modules === null
      ? []
      : [
          'modules/ holds the files of your task and rewards with what they import; files that they read by other paths are not here',
        ]),
  ]
}

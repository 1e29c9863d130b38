import { packageVersion } from '../packageVersion.js'
import type { ExportedFiles, ExportPlan, ExportTarget, MappedOption } from './exportPlan.js'
import type { Launcher } from './launchers/launcher.js'

/** README.md of an export. */
export function readme(
  target: ExportTarget,
  plan: ExportPlan,
  exported: ExportedFiles,
  { launcher, notes }: { launcher: Launcher; notes: readonly string[] },
): string {
  const { task, prompts, rewards, processes, config } = plan
  return `# ${inline(task.name)} with ${target.title}

Written by grpo-ts ${packageVersion()}: ${prompts.length} problems, rewards ${rewards.map(({ name, weight }) => `${inline(name)} (weight ${weight})`).join(', ')}, model
${inline(config.run.model)}, ${processes} ${processes === 1 ? 'process' : 'processes'}.

## Run it

\`\`\`sh
bash setup.sh   # venv/ with requirements.txt, Node.js where there is none, grpo-ts as package.json names it
bash run.sh
\`\`\`

run.sh starts \`grpo-ts serve-rewards config.yaml\` on a loopback port with a token that it makes up, waits until it answers with the
configuration of this export, compares the prompts (check_prompts.py), and trains. The service computes all rewards; when it dies
it is started again, and the training waits for it. Its log is in logs/. \`PYTHON=…\` takes another Python than that of venv/,
\`GRPO_TS=path/to/dist/cli/main.js\` another copy of grpo-ts; arguments of run.sh are handed on to the engine. Where no registry has this
version of grpo-ts, \`npm pack\` in its clone makes a tarball: copy it into this folder and \`npm install ./grpo-ts-${packageVersion()}.tgz\` first.
${launcher.readme(plan)}
## What comes back

${exported.comesBack}
${notes.length === 0 ? '' : `\n## To look after\n\n${notes.map((note) => `- ${note}\n`).join('')}`}
## Options

How each option of config.yaml comes out. What ${target.title} cannot do is refused at the export and does not get here.

${optionTable(exported.options)}
`
}

const columns = ['option', 'value', '', 'there', 'reason']

function optionTable(options: readonly MappedOption[]): string {
  const rows = options.map(({ option, value, outcome, there, reason }) => [
    `\`${option}\``,
    inline(JSON.stringify(value)),
    outcome,
    there === '' ? '' : inline(there),
    cell(reason),
  ])
  return [columns, columns.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** As code that holds on one line and in a cell of a table. */
function inline(text: string): string {
  const fence = '`'.repeat(Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length)) + 1)
  const pad = fence.length > 1 ? ' ' : ''
  return `${fence}${pad}${cell(text)}${pad}${fence}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ')
}

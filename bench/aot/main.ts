/**
 * `npm run aot`: compiles every program of some models for cards that are not there, prints what they take, and compares it with
 * budget.json. Ends with 1 when a program does not compile or is over its budget; see docs/engines.md.
 */
import path from 'node:path'
import { Command, Option } from 'commander'
import { formatTable } from '../../src/cli/terminal/table.js'
import { overBudget, readBudget, writeBudget } from './budget.js'
import type { ProgramFigures } from './budget.js'
import { printCapacity } from './capacity.js'
import { compileApart } from './compilation.js'
import type { CompileJob } from './compilation.js'
import { findCompiler } from './compiler.js'
import type { Compiler } from './compiler.js'
import { checkedNames, compiledModel, compiledNames } from './models.js'
import type { CompiledName } from './models.js'
import { checkedPrograms, checkedSizes } from './programs.js'
import { defaultTargets, findTarget, readTargets } from './targets.js'

const BUDGET = path.join(import.meta.dirname, 'budget.json')

interface Flags {
  target: string[]
  model: CompiledName[]
  update: boolean
  capacity: boolean
  autotune: boolean
  plugin?: string
  limit: number
}

const { target, model, update, capacity, autotune, plugin, limit } = new Command('npm run aot --')
  .description(
    'Compiles the programs of the engine xla for NVIDIA cards that are not there, and checks what they take.',
  )
  .option('--target <names...>', 'cards, by a part of their name', [...defaultTargets])
  .addOption(new Option('--model <names...>', 'sizes of models').choices(compiledNames).default(checkedNames))
  .option('--update', 'write the figures into the budget instead of comparing them', false)
  .option('--capacity', 'compile for more and more completions instead, and print what fits which card', false)
  .option('--autotune', 'let XLA choose among kernels as it does where there is a card', false)
  .option('--plugin <file>', 'the CUDA plugin (default: the one that `grpo-ts setup xla` has unpacked)')
  .option('--limit <seconds>', 'most that one program may take to compile', Number, 600)
  .parse()
  .opts<Flags>()

interface Row {
  readonly card: string
  readonly program: string
  readonly figures: ProgramFigures
}

/** Compiles what is asked for, one program at a time, and returns the names of what is wrong. */
async function check(compiler: Compiler, flags: CompileJob['flags']): Promise<string[]> {
  const budget = readBudget(BUDGET)
  const known = readTargets(compiler.file)
  const rows: Row[] = []
  const wrong: string[] = []
  for (const card of target.map((name) => findTarget(known, name))) {
    for (const name of model) {
      for (const program of checkedPrograms(compiledModel(name))) {
        const key = `${name} ${program}`
        process.stderr.write(`${card.name}: ${key} …\n`)
        try {
          const job = {
            plugin: compiler.file,
            target: card,
            model: name,
            program,
            sizes: checkedSizes,
            memory: card.memory,
            flags,
          }
          const figures = await compileApart(job, limit)
          rows.push({ card: card.name, program: key, figures })
          const budgeted = budget.cards[card.name]?.[key]
          if (update) continue
          const over = budgeted ? overBudget(figures, budgeted) : ['is not in the budget: add it with --update']
          wrong.push(...over.map((what) => `${card.name}: ${key}: ${what}`))
        } catch (error) {
          wrong.push((error as Error).message)
        }
      }
    }
  }
  process.stdout.write(formatTable(columns, rows))
  if (update) writeBudget(BUDGET, compiler.version, groupByCard(rows))
  else if (budget.compiler !== compiler.version) {
    process.stdout.write(`\nthe budget is of ${budget.compiler}, these figures of ${compiler.version}\n`)
  }
  return wrong
}

function groupByCard(rows: readonly Row[]): Record<string, Record<string, ProgramFigures>> {
  const cards: Record<string, Record<string, ProgramFigures>> = {}
  for (const { card, program, figures } of rows) (cards[card] ??= {})[program] = figures
  return cards
}

const number = (key: keyof ProgramFigures) => ({
  text: ({ figures }: Row): string | null => figures[key]?.toString() ?? null,
})
const columns = [
  { heading: 'card', text: ({ card }: Row) => card, left: true },
  { heading: 'program', text: ({ program }: Row) => program, left: true },
  { heading: 'text kB', text: ({ figures }: Row) => (figures.textBytes / 1000).toFixed(0) },
  { heading: 'compile CPU s', ...number('compileSeconds') },
  { heading: 'arguments MB', ...number('argumentMB') },
  { heading: 'in place', ...number('aliasedMB') },
  { heading: 'results', ...number('outputMB') },
  { heading: 'temporary', ...number('temporaryMB') },
  { heading: 'kernels', ...number('kernels') },
  { heading: 'a layer', ...number('layerKernels') },
  { heading: 'copied MB a layer', ...number('layerMovedMB') },
  { heading: 'widened', ...number('layerWidenedMB') },
  { heading: 'largest', ...number('largestWidenedMB') },
  { heading: 'large copies', ...number('largeCopies') },
]

const compiler = findCompiler(plugin)
const flags: CompileJob['flags'] = autotune ? {} : { xla_gpu_autotune_level: 0 }
if (capacity) {
  for (const name of model) await printCapacity(compiler.file, name, flags, limit)
} else {
  const wrong = await check(compiler, flags)
  if (wrong.length > 0) {
    process.stderr.write(
      `\n${wrong.length} of the programs' figures are wrong:\n${wrong.map((each) => `  ${each}\n`).join('')}`,
    )
    process.exitCode = 1
  }
}

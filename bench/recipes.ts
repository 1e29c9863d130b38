/**
 * Runs recipes with several seeds, one after another, and prints and stores what they found: docs/recipes/NAME.md with a table and
 * curves, and a log of every run. Ends with 1 when a run did not gain significantly on its held-out problems.
 *
 *     npm run bench:recipes -- --model FOLDER [--seeds 3] [--recipe NAME] [--runs runs/bench-recipes] [--output docs/recipes]
 *
 * `--stored` trains nothing and writes the pages again from the runs that are there.
 */
import path from 'node:path'
import { Command } from 'commander'
import { formatTable } from '../src/cli/terminal/table.js'
import { readRecipeRun, trainRecipe } from './recipes/recipeRun.js'
import type { RecipeRun } from './recipes/recipeRun.js'
import { columns, writeResults } from './recipes/resultsPage.js'

const program = new Command('npm run bench:recipes --')
  .option('--model <folder>', 'of SmolLM2-135M-Instruct, or its Hub id', 'HuggingFaceTB/SmolLM2-135M-Instruct')
  .option('--seeds <N>', 'runs of each recipe, with the seeds 1 to N', Number, 3)
  .option('--recipe <names...>', 'recipes', ['smollm2-135m-cpu', 'smollm2-135m-word-problems-cpu'])
  .option('--runs <folder>', 'folder of the runs', path.join('runs', 'bench-recipes'))
  .option('--output <folder>', 'folder of the results', path.join('docs', 'recipes'))
  .option('--stored', 'train nothing: use the runs that are there')
  .parse()
const { model, seeds, recipe, runs, output, stored } = program.opts<{
  model: string
  seeds: number
  recipe: string[]
  runs: string
  output: string
  stored?: true
}>()

for (const name of recipe) {
  const found: RecipeRun[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const folder = path.join(runs, `${name}-seed-${seed}`)
    if (!stored) {
      console.log(`\n${name}, seed ${seed}`)
      await trainRecipe(name, model, seed, folder)
    }
    found.push(await readRecipeRun(folder, seed))
    // What is there is worth keeping, should a later run fail.
    writeResults(output, name, path.basename(model), found)
  }
  console.log(`\n${name}\n${formatTable(columns, found)}`)
  const hasGained = found.every(({ greedy, sampled }) =>
    [greedy, sampled].every(({ difference, pValue }) => difference.value > 0 && pValue < 0.05),
  )
  if (!hasGained) process.exitCode = 1
}

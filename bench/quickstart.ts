/**
 * What the embedded model is before and after the quickstart: every seed with its placebo, pass@k of base and trained model, and
 * wordings of a file; written as tables into docs/recipes/embedded-model.md and as numbers beside it. What has been measured of the
 * same model is not measured again: an interrupted benchmark goes on.
 *
 *     npm run bench:quickstart -- [--seeds 1,2,3,4,5] [--wordings FILE.jsonl] [--model FOLDER] [--only seeds,pass-at-k,wordings,base]
 *
 * `--only base` writes nothing: it tells what a model, or a candidate for the embedded one, does before training.
 */
import fs from 'node:fs'
import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { runOptions } from '../src/cli/quickstart/settings.js'
import { baseTable } from './quickstart/baseTable.js'
import { measurePassAtK, measureSeeds, measureWordings } from './quickstart/measure.js'
import type { Measuring } from './quickstart/measure.js'
import { resultsFile, sectionsOf, writePage } from './quickstart/page.js'
import { problemSet, problemSets } from './quickstart/problemSets.js'
import type { ProblemSet } from './quickstart/problemSets.js'
import { readResults, writeResults } from './quickstart/results.js'
import { subjectOf } from './quickstart/subject.js'

const parts = ['base', 'seeds', 'pass-at-k', 'wordings'] as const

interface Flags {
  seeds: number[]
  only?: (typeof parts)[number][]
  model: string
  sets: ProblemSet[]
  problems?: number
  samples?: number
  wordings?: string
  runs: string
  output: string
}

const flags = new Command('npm run bench:quickstart --')
  .option('--seeds <numbers>', 'seeds, each run with the reward and with the placebo', list(seedOf), [1, 2, 3, 4, 5])
  .option('--only <parts>', `some of ${parts.join(', ')} (default: all but base)`, list(partOf))
  .option('--model <folder>', 'folder or name of the model', runOptions.model)
  .option('--sets <names>', 'variants of word problems, of base and pass-at-k', list(setOf), [...problemSets])
  .option('--problems <N>', 'problems of each set, of base (default: 200) and pass-at-k (100)', countOf)
  .option('--samples <N>', 'answers to each problem, of base (default: 4), pass-at-k and wordings (64)', countOf)
  .option('--wordings <file>', 'JSON lines with question and answer: only evaluated, never stored')
  .option('--runs <folder>', 'folder of the runs', path.join('runs', 'bench-quickstart'))
  .option('--output <folder>', 'folder of the page and the numbers', path.join('docs', 'recipes'))
  .parse()
  .opts<Flags>()

try {
  await main(flags)
  process.exit(0)
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`)
  process.exit(1)
}

async function main({ seeds, only, model, sets, problems, samples, wordings, runs, output }: Flags): Promise<void> {
  const wanted = (part: (typeof parts)[number]): boolean => only?.includes(part) ?? part !== 'base'
  const subject = await subjectOf(model)
  console.log(`${model}, checksum ${subject.checksum}`)
  if (wanted('base')) {
    console.log(await baseTable(subject.folder, { sets, samples: samples ?? 4, problems: problems ?? 200 }))
  }
  if (only?.every((part) => part === 'base')) return
  fs.mkdirSync(output, { recursive: true })
  let results = readResults(resultsFile(output), subject)
  const measuring: Measuring = {
    subject,
    runs: path.join(runs, subject.checksum),
    keep: (changes) => {
      results = writeResults(resultsFile(output), results, changes)
      writePage(output, results)
      return results
    },
  }
  if (wanted('seeds')) await measureSeeds(measuring, results, seeds)
  if (wanted('pass-at-k')) {
    const [seed] = seeds
    await measurePassAtK(measuring, results, { sets, seed: seed!, samples: samples ?? 64, problems: problems ?? 100 })
  }
  if (wanted('wordings') && wordings !== undefined) {
    await measureWordings(measuring, results, { file: wordings, seeds, samples: samples ?? 64 })
  }
  // The page is written anew also when nothing was: its tables may have changed.
  if (results.runs.length > 0) writePage(output, results)
  for (const { heading, body } of sectionsOf(results)) console.log(`\n${heading}\n\n${body}`)
}

function list<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(',').map(parse)
}

function seedOf(text: string): number {
  if (/^\d+$/.test(text) && Number(text) < 2 ** 32) return Number(text)
  throw new InvalidArgumentError(`'${text}' is no seed: expected a whole number below 2^32.`)
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`'${text}' is no count: expected a whole number from 1 on.`)
}

function partOf(text: string): (typeof parts)[number] {
  const part = parts.find((known) => known === text)
  if (part !== undefined) return part
  throw new InvalidArgumentError(`'${text}' is not one of ${parts.join(', ')}.`)
}

function setOf(text: string): ProblemSet {
  try {
    return problemSet(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

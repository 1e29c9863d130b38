import path from 'node:path'
import type { TrainOptions } from '../../src/grpo/config/trainConfig.js'
import { DataError } from '../../src/errors.js'
import { statisticsReady } from '../../src/eval/statistics/distributions.js'
import { sha256 } from '../../src/io/checksums.js'
import { isJsonObject } from '../../src/io/json.js'
import { readJsonLines } from '../../src/io/jsonLines.js'
import { duration, percent } from '../../src/io/units.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { defineTask } from '../../src/tasks/defineTask.js'
import type { Task } from '../../src/tasks/task.js'
import { runLayout } from '../../src/run/layout.js'
import { countAnswers } from './answerCounts.js'
import type { ProblemSet } from './problemSets.js'
import type { Results, SetCounts } from './results.js'
import { runSeed, seedFolder } from './seedRuns.js'
import type { Subject } from './subject.js'

/** Where a subject's runs are, and what is told of each new result. */
export interface Measuring {
  readonly subject: Subject
  /** Folder of the runs. */
  readonly runs: string
  /** Keeps a result: returns all that there are now. */
  readonly keep: (changes: Partial<Results>) => Results
}

/** The quickstart with each seed, then its placebo; those that are among the results are not run again. */
export async function measureSeeds(
  { subject, runs, keep }: Measuring,
  results: Results,
  seeds: readonly number[],
  run: Partial<TrainOptions> = {},
): Promise<Results> {
  let all = results
  for (const seed of seeds) {
    for (const placebo of [false, true]) {
      if (all.runs.some((known) => known.seed === seed && known.placebo === placebo)) continue
      console.log(`seed ${seed}${placebo ? ', placebo' : ''} …`)
      const outputDir = seedFolder(runs, seed, placebo)
      const summary = await runSeed({ seed, placebo, outputDir, run: { ...run, model: subject.model } })
      all = keep({ runs: [...all.runs, summary] })
      const [before, after] = [summary.base, summary.trained].map(({ accuracy }) => percent(accuracy.value, 1))
      console.log(`  ${before!} → ${after!} of the standard problems, ${duration(summary.totalSeconds)}`)
    }
  }
  return all
}

/** Many sampled answers of the base and of the models that a seed trained with the reward and with the placebo, on each set. */
export async function measurePassAtK(
  { subject, runs, keep }: Measuring,
  results: Results,
  { sets, seed, samples, problems }: { sets: readonly ProblemSet[]; seed: number; samples: number; problems: number },
): Promise<Results> {
  const isThere = ({ set, seed: of, base }: SetCounts, name: string): boolean =>
    set === name && of === seed && base.samples === samples && base.right.length === problems
  let all = results
  const missing = sets.filter(({ name }) => !all.passAtK.some((known) => isThere(known, name)))
  if (missing.length === 0) return all
  await withModel(subject, async (base) => {
    const trained = trainedModel(base, seedFolder(runs, seed, false))
    const placebo = trainedModel(base, seedFolder(runs, seed, true))
    for (const { name, description, task } of missing) {
      console.log(`pass@${samples}: ${description} …`)
      const asked = task('test', problems)
      const counts = {
        set: name,
        description,
        seed,
        base: await countAnswers(base, asked, { samples, greedy: false }),
        trained: await countAnswers(trained, asked, { samples, greedy: false }),
        placebo: await countAnswers(placebo, asked, { samples, greedy: false }),
      }
      all = keep({ passAtK: [...all.passAtK.filter(({ set }) => set !== name), counts] })
    }
    trained.dispose()
    placebo.dispose()
  })
  return all
}

/** Greedy and sampled answers of the base and of the model of each seed, on problems of a file. */
export async function measureWordings(
  { subject, runs, keep }: Measuring,
  results: Results,
  { file, seeds, samples }: { file: string; seeds: readonly number[]; samples: number },
): Promise<Results> {
  const checksum = sha256(file)
  let all = results
  const known = all.wordings?.file === checksum && all.wordings.base.samples === samples ? all.wordings : null
  const missing = seeds.filter((seed) => !known?.trained.some(({ seed: of }) => of === seed))
  if (missing.length === 0) return all
  const task = await readWordings(file)
  await withModel(subject, async (base) => {
    let wordings = known ?? {
      file: checksum,
      base: await countAnswers(base, task, { samples, greedy: true }),
      trained: [],
    }
    for (const seed of missing) {
      console.log(`${path.basename(file)}: seed ${seed} …`)
      const policy = trainedModel(base, seedFolder(runs, seed, false))
      const answers = await countAnswers(policy, task, { samples, greedy: true })
      policy.dispose()
      wordings = { ...wordings, trained: [...wordings.trained, { seed, answers }] }
      all = keep({ wordings })
    }
  })
  return all
}

/** Problems of a file of JSON lines with `question` and `answer`, asked as word problems are. Throws a DataError for other lines. */
export async function readWordings(file: string): Promise<Task> {
  const problems = []
  for await (const { line, value } of readJsonLines(file)) {
    const { question, answer } = isJsonObject(value) ? value : {}
    if (typeof question !== 'string' || typeof answer !== 'string') {
      throw new DataError(`${file}:${line}: expected {"question": "…", "answer": "…"}`)
    }
    problems.push({ question, answer })
  }
  return defineTask({ name: 'wordings', problems, systemPrompt: null })
}

async function withModel(subject: Subject, use: (base: CausalLM) => Promise<void>): Promise<void> {
  await statisticsReady
  const base = await loadModel(subject.folder)
  try {
    await use(base)
  } finally {
    base.dispose()
  }
}

function trainedModel(base: CausalLM, folder: string): CausalLM {
  return base.withAdapter(runLayout(folder).adapter)
}

import assert from 'node:assert/strict'
import path from 'node:path'
import { answerPairs, completionChecklist, evaluate, experiment, findingsOf, loadModel } from '../../src/index.js'
import { rewards, selectEngine, show, tasks } from '../../src/index.js'
import type { Evaluation, Experiment, Finding, RewardFunction } from '../../src/index.js'
import { embeddedModels } from '../../src/hub/embeddedModels.js'
import { inFakeKernel } from './fakeKernel.js'
import { temporaryFolder } from './programs.js'

/** What is shown, as HTML or Markdown, one output after the other. */
async function shownBy(run: () => void | Promise<void>): Promise<string[]> {
  const { outputs } = await inFakeKernel(run)
  return [...outputs.values()].map((bundle) => String(bundle['text/html'] ?? bundle['text/markdown']))
}

/** Rows of the tables of some HTML. */
function rowsOf(html: string): string[][] {
  return [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell!.replaceAll('\u00a0', ' ')),
  )
}

const config = {
  numGenerations: 4,
  perDeviceTrainBatchSize: 8,
  maxCompletionLength: 24,
  maxSteps: 2,
  seed: 3,
  saveStrategy: 'no',
} as const

describe('what a notebook shows of a run', () => {
  const folder = temporaryFolder()
  after(folder.remove)
  const judges: RewardFunction[] = [rewards.correctness()]
  let run: Experiment
  let evaluation: Evaluation
  let task: ReturnType<typeof tasks.wordProblems>
  let outputDir: string

  before(async () => {
    await selectEngine('cpu')
    outputDir = path.join(folder.path, 'run')
    task = tasks.wordProblems({ limit: 8, seed: 1 })
    const policy = (await loadModel(embeddedModels[0])).withLora({ r: 2 })
    run = await experiment('a run', { policy, task, rewards: judges, config, outputDir })
    evaluation = await evaluate(policy, tasks.wordProblems({ split: 'test', limit: 6 }), {
      greedy: false,
      samples: 2,
      maxCompletionLength: 24,
      resamples: 100,
    })
  })

  it('an experiment: all steps, and what the diagnosis said', () => {
    assert.deepEqual(
      run.steps.map(({ step }) => step),
      [1, 2],
    )
    assert.deepEqual(run.findings, findingsOf(run.steps))
    assert.ok(run.policy.adapter)
  })

  it('experiments beside each other: a chart a metric, means, and the findings under the name', async () => {
    const finding: Finding = {
      name: 'truncation',
      subject: null,
      severity: 'warning',
      message: 'half is cut off',
      evidence: {},
      advice: 'a larger limit',
      state: 'ongoing',
      since: 2,
    }
    const other = { ...run, name: 'another', findings: [finding] }
    const [charts, table, findings, ...rest] = await shownBy(() => {
      show.experiments([run, other], { reward: 'Reward', 'no/such': 'Nothing' })
    })
    assert.equal(charts!.match(/<img /g)?.length, 2)
    const [head, first, second] = rowsOf(table!)
    assert.deepEqual(head, ['experiment', 'Reward', 'Nothing', 'diagnosis'])
    const mean = run.steps.reduce((sum, { metrics }) => sum + metrics.reward!, 0) / 2
    const [from, to] = first![1]!.split(' → ').map(Number)
    assert.ok(Math.abs(from! - mean) < 0.001 && from === to, first![1])
    assert.equal(first![2], '– → –')
    assert.deepEqual([first![3], second![3]], ['nothing', 'truncation'])
    assert.match(findings!, /<b>another<\/b>.*half is cut off.*a larger limit/s)
    assert.equal(rest.length, 0)
  })

  it('groups side by side, whole or by their extremes', async () => {
    const [group] = run.steps[0]!.groups
    const [all] = await shownBy(() => {
      show.groups([group!])
    })
    assert.equal(all!.match(/Completion \d/g)?.length, 4)
    assert.match(all!, /advantage/)
    const advantages = group!.completions.map(({ advantage }) => advantage)
    const ranked = group!.completions.map((one, i) => ({ ...one, advantage: i, text: `text ${i}` }))
    const [extremes] = await shownBy(() => {
      show.groups([{ ...group!, completions: ranked }], { extremes: true, title: 'Step 7' })
    })
    assert.match(extremes!, /Step 7: .*Best of the group.*text 3.*Worst of the group.*text 0/s)
    assert.ok(!extremes!.includes('text 1'))
    assert.equal(advantages.length, 4)
  })

  it('pairs of answers, the later one with the most steps first', async () => {
    const pairs = answerPairs(evaluation)
    assert.equal(pairs.length, 6)
    const steps = pairs.map(({ answers }) => answers.trained!.reasoning.steps)
    assert.deepEqual(
      steps,
      steps.toSorted((a, b) => b - a),
    )
    for (const { answers, outcome } of pairs) {
      const [before, after] = [answers.base!.correct, answers.trained!.correct]
      assert.equal(outcome, before === after ? 'same' : after ? 'improved' : 'worsened')
    }
    const shown = await shownBy(() => {
      show.pairs(pairs.slice(0, 2))
    })
    assert.equal(shown.length, 2)
    assert.match(shown[0]!, /base.*trained/s)
    assert.deepEqual(answerPairs({ ...evaluation, policies: evaluation.policies.slice(0, 1) }), [])
  })

  it('an evaluation as a table with differences, words and charts', async () => {
    const [table, words, charts] = await shownBy(() => {
      show.evaluation(evaluation, { rows: { Memory: ['–', '1 GiB'] } })
    })
    const rows = rowsOf(table!)
    assert.deepEqual(rows[0], ['', 'base', 'trained', 'difference'])
    assert.match(rows.find(([name]) => name === 'Accuracy')![1]!, /^\d+\.\d % \(\d+\.\d to \d+\.\d\)$/)
    assert.match(rows.find(([name]) => name === 'Accuracy')![3]!, /points$/)
    assert.deepEqual(rows.at(-1), ['Memory', '–', '1 GiB', '–'])
    assert.match(words!, /trained against base/)
    assert.match(charts!, /pass@k/)
  })

  it('several evaluations, a row each', async () => {
    const [table] = await shownBy(() => {
      show.evaluations({ 'the usual': evaluation, again: evaluation })
    })
    const [head, first, second] = rowsOf(table!)
    assert.deepEqual(head, ['problems', 'number', 'base', 'trained', 'difference', 'p'])
    assert.deepEqual([first![0], first![1], second![0]], ['the usual', '6', 'again'])
  })

  it('metrics with their meaning, first and latest', async () => {
    const [table] = await shownBy(() => {
      show.metrics(run.steps)
    })
    const [head, ...rows] = rowsOf(table!)
    assert.deepEqual(head, ['metric', 'step 1', 'step 2', 'meaning'])
    assert.ok(rows.some(([name]) => name === 'reward'))
    // beta is 0.
    assert.ok(!rows.some(([name]) => name === 'kl'))
    assert.deepEqual(
      await shownBy(() => {
        show.metrics([])
      }),
      [],
    )
  })

  it('the distribution of rewards at both ends', async () => {
    const [chart] = await shownBy(() => {
      show.rewardDistribution(run.steps)
    })
    assert.match(chart!, /Right completions in a group/)
    const unjudged = run.steps.map((step) => ({
      ...step,
      groups: step.groups.map((group) => ({
        ...group,
        completions: group.completions.map((completion) => ({ ...completion, correct: null })),
      })),
    }))
    const [other] = await shownBy(() => {
      show.rewardDistribution(unjudged)
    })
    assert.match(other!, /Mean reward of a group/)
  })

  it('options with their defaults, a preflight, and what rewards pay', async () => {
    const [options, checks, tests] = await shownBy(async () => {
      show.options({ learningRate: 0.1, numGenerations: 8 })
      show.preflight({ checks: [{ name: 'eos', status: 'warning', message: 'm', advice: 'a', evidence: {} }] })
      const reports = await show.rewardTests(
        [rewards.correctness(), rewards.reasoningSteps()],
        task.problems.slice(0, 2),
      )
      assert.deepEqual(
        reports.map(({ verdict }) => verdict),
        ['sound', 'exploitable'],
      )
    })
    const names = rowsOf(options!).map(([name]) => name)
    assert.deepEqual(names.slice(1).toSorted(), ['learningRate', 'numGenerations'])
    assert.deepEqual(rowsOf(checks!)[1], ['eos', 'warning', 'm', 'a'])
    assert.deepEqual(
      rowsOf(tests!).map((row) => row[4]),
      ['verdict', 'sound', 'exploitable'],
    )
  })

  it('model, machine and problems', async () => {
    const [model, machine, table, charts, traces] = await shownBy(() => {
      show.model(run.policy)
      show.environment({ engine: 'the fast one' })
      show.problems(task, run.policy.tokenizer!)
    })
    assert.match(rowsOf(model!).at(-1)!.join(' '), /trained .* numbers, \d+\.\d % as many/)
    assert.ok(rowsOf(machine!).some(([what, found]) => what === 'engine' && found === 'the fast one'))
    assert.equal(rowsOf(table!).length, 6)
    assert.match(charts!, /Length of the questions/)
    assert.match(traces!, /which training never sees/)
  })

  it('the checklist: what the run did, and what it did not', async () => {
    const rewardTests = [await rewards.lintReward(judges[0]!, task.problems.slice(0, 1))]
    const trainer = { config: { ...config, temperature: 1 }, step: 2, maxSteps: 2, isFinished: true }
    const done = { policy: run.policy, task, trainer, steps: run.steps, rewardTests, evaluation, outputDir }
    const items = completionChecklist(done as unknown as Parameters<typeof completionChecklist>[0])
    const item = (name: string) => items.find((one) => one.item.startsWith(name))!
    assert.equal(item('Training completed').evidence, '2 of 2 steps')
    assert.equal(item('Model loaded').done, false)
    assert.equal(item('Problems prepared').done, false)
    assert.equal(item('Reward function').done, true)
    assert.equal(item('Several reasoning traces').evidence, '16 completions of 4 problems')
    assert.equal(item('Reasoning model saved').done, true)
    assert.equal(item('Accuracy improved').done, false)
    const unfinished = completionChecklist({
      ...(done as unknown as Parameters<typeof completionChecklist>[0]),
      steps: [],
      rewardTests: [],
      evaluation: { ...evaluation, policies: evaluation.policies.slice(0, 1), comparisons: [] },
      outputDir: path.join(folder.path, 'nowhere'),
    })
    const notDone = unfinished.filter((one) => !one.done).map((one) => one.item)
    for (const name of ['Several reasoning traces', 'Before and after', 'Reward function', 'Reasoning model saved']) {
      assert.ok(
        notDone.some((one) => one.startsWith(name)),
        name,
      )
    }
    const [table] = await shownBy(() => {
      show.checklist(items)
    })
    assert.match(table!, new RegExp(`${items.filter((one) => one.done).length} of ${items.length} items done`))
    assert.ok(rowsOf(table!).some(([mark, name]) => mark === '✓' && name === 'Training completed'))
  })

  it('a live chart without panels has the usual ones', async () => {
    const [charts, table] = await shownBy(() => {
      const chart = show.liveChart()
      for (const { step, metrics } of run.steps) chart.add(step, metrics)
      chart.done()
    })
    assert.equal(charts!.match(/<img /g)?.length, 4)
    assert.ok(rowsOf(table!)[0]!.includes('steps of reasoning'))
  })
})

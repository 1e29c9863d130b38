import assert from 'node:assert/strict'
import fs from 'node:fs'
import { countAnswers, passAtKEstimate } from '../../bench/quickstart/answerCounts.js'
import { missed } from '../../bench/quickstart/goals.js'
import { fillPage } from '../../bench/quickstart/markdown.js'
import { measurePassAtK, measureSeeds, measureWordings, readWordings } from '../../bench/quickstart/measure.js'
import type { Measuring } from '../../bench/quickstart/measure.js'
import { resultsFile, writePage } from '../../bench/quickstart/page.js'
import { problemSet } from '../../bench/quickstart/problemSets.js'
import { readResults, writeResults } from '../../bench/quickstart/results.js'
import { seedTable } from '../../bench/quickstart/seedTable.js'
import { subjectOf } from '../../bench/quickstart/subject.js'
import { runOptions } from '../../src/cli/quickstart/settings.js'
import type { QuickstartSummary } from '../../src/cli/quickstart/summary.js'
import { statisticsReady } from '../../src/eval/statistics/distributions.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { parsePretrainConfig } from '../../src/pretrain/config.js'
import { Pretrainer } from '../../src/pretrain/pretrainer.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const tiny = { hiddenSize: 16, intermediateSize: 24, numLayers: 1, numHeads: 2, numKeyValueHeads: 1 }
const small = {
  perDeviceTrainBatchSize: 8,
  numGenerations: 4,
  maxCompletionLength: 12,
  maxSteps: 2,
  warmupSteps: 0,
  evalLimit: 4,
}

/** A run of the quickstart that found these accuracies. */
function runWith(seed: number, placebo: boolean, trained: number, totalSeconds = 100): QuickstartSummary {
  const policy = (value: number): QuickstartSummary['base'] => ({
    accuracy: { value, low: value - 0.03, high: value + 0.03 },
    steps: 0.5,
    selfCorrecting: 0.1,
    correctEquations: null,
    tokens: 20,
  })
  return {
    seed,
    placebo,
    problems: 500,
    samples: 4,
    base: policy(0.45),
    trained: policy(trained),
    difference: { value: trained - 0.45, low: null, high: null },
    pValue: 0.001,
    harder: { longer: { base: 0.16, trained: trained - 0.4, pValue: 0.01 } },
    trainingSeconds: 60,
    totalSeconds,
    peakBytes: 2 ** 30,
  }
}

describe('bench/quickstart', () => {
  const inFolder = useTemporaryFolder()
  before(() => statisticsReady)

  it('measures seeds, placebo, pass@k and wordings once, and writes numbers, page and picture', async () => {
    const pretrainer = new Pretrainer(parsePretrainConfig(tiny), inFolder('model'))
    pretrainer.saveModel()
    pretrainer.dispose()
    fs.mkdirSync(inFolder('docs'))
    const file = resultsFile(inFolder('docs'))
    const subject = await subjectOf(inFolder('model'))
    let results = readResults(file, subject)
    let kept = 0
    const measuring: Measuring = {
      subject,
      runs: inFolder('runs'),
      keep: (changes) => {
        kept++
        results = writeResults(file, results, changes)
        writePage(inFolder('docs'), results)
        return results
      },
    }
    const secret = 'Ann has 2 pens and 3 cups. How many things has she?'
    fs.writeFileSync(inFolder('wordings.jsonl'), `${JSON.stringify({ question: secret, answer: '5' })}\n`.repeat(2))
    const measureAll = async (): Promise<void> => {
      await measureSeeds(measuring, results, [7], small)
      const sets = [problemSet('standard'), problemSet('longer')]
      await measurePassAtK(measuring, results, { sets, seed: 7, samples: 4, problems: 3 })
      await measureWordings(measuring, results, { file: inFolder('wordings.jsonl'), seeds: [7], samples: 2 })
    }
    await measureAll()
    assert.equal(kept, 5)
    assert.deepEqual(
      results.runs.map(({ seed, placebo, problems }) => [seed, placebo, problems]),
      [
        [7, false, 4],
        [7, true, 4],
      ],
    )
    assert.deepEqual(
      results.passAtK.map(({ set, trained, placebo }) => [set, trained.samples, placebo.right.length]),
      [
        ['standard', 4, 3],
        ['longer', 4, 3],
      ],
    )
    assert.equal(results.wordings!.base.greedy!.length, 2)

    assert.deepEqual(readResults(file, subject), results)
    await measureAll()
    assert.equal(kept, 5, 'nothing is measured twice')
    assert.deepEqual(readResults(file, { ...subject, checksum: 'of another model' }).runs, [])

    const page = fs.readFileSync(inFolder('docs', 'embedded-model.md'), 'utf8')
    for (const text of ['standard problems', 'one more step', 'pass@4', 'placebo, seed 7', '2 problems']) {
      assert.ok(page.includes(text), `${text} in\n${page}`)
    }
    for (const line of page.matchAll(/^\|.*$/gm)) assert.doesNotMatch(line[0], /NaN|undefined|null/)
    const numbers = fs.readFileSync(file, 'utf8')
    assert.ok(!numbers.includes('Ann has') && !page.includes('Ann has'), 'the wordings stay where they are')
    const picture = fs.readFileSync(inFolder('docs', 'embedded-model-pass-at-k.svg'), 'utf8')
    assert.equal([...picture.matchAll(/<polyline /g)].length, 4)
    assert.doesNotMatch(picture, /NaN|undefined/)
  })

  it('runs a seed again that did not come to its end', async () => {
    const pretrainer = new Pretrainer(parsePretrainConfig(tiny), inFolder('model'))
    pretrainer.saveModel()
    pretrainer.dispose()
    const subject = await subjectOf(inFolder('model'))
    const empty = readResults(inFolder('none.json'), subject)
    const measuring: Measuring = { subject, runs: inFolder('runs'), keep: (changes) => ({ ...empty, ...changes }) }
    await assert.rejects(
      measureSeeds(measuring, empty, [3], { ...small, numGenerations: 3 }),
      /seed 3 ended with 1; see .*seed-3\.log:\n.*numGenerations/s,
    )
    const { runs } = await measureSeeds(measuring, empty, [3], small)
    assert.equal(runs.length, 1 + 1)
  })

  it('tells another model, other weights and another file apart', async () => {
    const write = (name: string, seed: number): void => {
      const pretrainer = new Pretrainer(parsePretrainConfig({ ...tiny, seed }), inFolder(name))
      pretrainer.saveModel()
      pretrainer.dispose()
    }
    write('one', 1)
    write('same', 1)
    write('two', 2)
    fs.writeFileSync(inFolder('same', 'README.md'), 'Its card may change.')
    const [one, same, two] = await Promise.all(['one', 'same', 'two'].map((name) => subjectOf(inFolder(name))))
    assert.equal(one!.checksum, same!.checksum)
    assert.notEqual(one!.checksum, two!.checksum)
  })

  it('counts right answers as an evaluation does', async () => {
    const model = await loadModel(runOptions.model)
    const counts = await countAnswers(model, problemSet('standard').task('test', 5), { samples: 4, greedy: true })
    model.dispose()
    assert.equal(counts.right.length, 5)
    const rate = counts.right.reduce((sum, count) => sum + count) / 20
    assert.ok(rate > 0 && rate < 1, `${rate}`)
    assert.ok(Math.abs(passAtKEstimate([counts], 1).value - rate) < 1e-12)
    assert.equal(passAtKEstimate([counts], 4).value, counts.right.filter((count) => count > 0).length / 5)
    // Two models that solve different halves of the problems: half of each problem's answers are right.
    const halves = [[4, 0], [0, 4]].map((right) => ({ samples: 4, right, greedy: null })) // prettier-ignore
    assert.equal(passAtKEstimate(halves, 1).value, 0.5)
    assert.equal(passAtKEstimate(halves, 4).value, 0.5)
  })

  it('says of each goal whether it is met, and what of it is not', () => {
    const runs = [runWith(1, false, 0.9), runWith(2, false, 0.86, 181), runWith(1, true, 0.5)]
    const rows = new Map(
      seedTable(runs)
        .split('\n')
        .map((line) => line.split(' | '))
        .map((cells) => [cells[0]!.slice(2), cells]),
    )
    assert.deepEqual(rows.get('standard problems')!.slice(1), [
      '45.0 %',
      '88.0 % (86.0-90.0)',
      '50.0 %',
      '40 % to 50 % → at least 85 %',
      'not met: placebo 5.0 points from the base |',
    ])
    assert.equal(rows.get('one more step')!.at(-1), 'not met: placebo 6.0 points from the base |')
    // The slowest run counts, not the mean.
    assert.equal(rows.get('in all')!.at(-1), 'not met: trained 181 s, not at most 180 s |')
    assert.equal(rows.get('reasoning steps')!.at(-1), 'not met: trained 0.5, not at least 3.0 |')
    const goal = { base: { least: 0.2 }, trained: { least: 0.45 } }
    assert.deepEqual(missed(goal, 'share', { base: 0.2, trained: 0.45, placebo: 0.17 }), [])
    assert.deepEqual(missed(goal, 'share', { base: 0.1, trained: 0.44, placebo: null }), [
      'base 10.0 %, not at least 20 %',
      'trained 44.0 %, not at least 45 %',
    ])
  })

  it('fills what was measured into a page, and leaves its prose', () => {
    const file = inFolder('page.md')
    const section = (name: string, body: string): Parameters<typeof fillPage>[2][number] => ({ name, heading: name, body }) // prettier-ignore
    fillPage(file, 'Title', [section('seeds', 'one')])
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('# Title', '# Title\n\nProse.'))
    fillPage(file, 'Other', [section('seeds', 'costs $& 2'), section('wordings', 'three')])
    const page = fs.readFileSync(file, 'utf8')
    assert.equal(
      page,
      '# Title\n\nProse.\n\n## seeds\n\n<!-- seeds: measured by npm run bench:quickstart -->\n\ncosts $& 2\n\n<!-- end -->\n' +
        '\n## wordings\n\n<!-- wordings: measured by npm run bench:quickstart -->\n\nthree\n\n<!-- end -->\n',
    )
  })

  it('refuses rows without question or answer', async () => {
    fs.writeFileSync(inFolder('rows.jsonl'), '{"question": "1 + 1?", "answer": "2"}\n{"question": "2 + 2?"}\n')
    await assert.rejects(readWordings(inFolder('rows.jsonl')), /rows\.jsonl:2: expected/)
  })
})

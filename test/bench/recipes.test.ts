import assert from 'node:assert/strict'
import fs from 'node:fs'
import { readRecipeRun } from '../../bench/recipes/recipeRun.js'
import { columns, writeResults } from '../../bench/recipes/resultsPage.js'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import { run } from '../cli/run.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('bench/recipes', () => {
  const inFolder = useTemporaryFolder()

  it('reads a run, and writes its table, its curve and its log', async () => {
    writeTinyModel(inFolder('model'))
    const { code, stderr } = await run([
      'train',
      '--model',
      inFolder('model'),
      '--output-dir',
      inFolder('run'),
      '--task',
      'sums',
      '--no-preflight',
      '--num-generations',
      '2',
      '--per-device-train-batch-size',
      '4',
      '--max-completion-length',
      '4',
      '--max-steps',
      '3',
      '--do-eval',
      'true',
      '--eval-limit',
      '5',
      '--num-generations-eval',
      '2',
    ])
    assert.equal(code, 0, stderr)
    fs.writeFileSync(inFolder('run', 'bench.json'), JSON.stringify({ seconds: 75, peakBytes: 1.5 * 2 ** 30 }))
    const found = await readRecipeRun(inFolder('run'), 1)
    const { policies, comparisons } = readEvaluation(inFolder('run', 'eval.json'))
    assert.deepEqual(found.greedy.before, policies[0]!.greedy!.accuracy)
    assert.deepEqual(found.sampled.after, policies[1]!.sampled!.accuracy)
    assert.deepEqual(found.sampled.difference, comparisons[0]!.sampled!.strict.difference)
    assert.deepEqual([found.problems, found.samples, found.steps.length], [5, 2, 3])
    const times = found.steps.map(({ step_time: seconds }) => seconds!)
    assert.ok(Math.abs(times.reduce((sum, time) => sum + time) - found.trainingSeconds) < 1e-3)

    const better = { value: 0.5, low: 0.25, high: 0.7 }
    const gained = { ...found, seed: 2, greedy: { ...found.greedy, difference: better, pValue: 0.00002 } }
    writeResults(inFolder('docs'), 'tiny', 'a-model', [found, gained])
    assert.deepEqual(fs.readdirSync(inFolder('docs')).sort(), [
      'tiny-seed-1.jsonl',
      'tiny-seed-2.jsonl',
      'tiny.md',
      'tiny.svg',
    ])
    const log = fs.readFileSync(inFolder('docs', 'tiny-seed-1.jsonl'), 'utf8').trimEnd().split('\n')
    assert.deepEqual(
      log.map((line) => JSON.parse(line) as unknown),
      found.steps,
    )
    const page = fs.readFileSync(inFolder('docs', 'tiny.md'), 'utf8')
    const rows = page.split('\n').filter((line) => line.startsWith('|'))
    assert.equal(rows.length, 4)
    for (const row of rows) assert.equal(row.split('|').length, columns.length + 2)
    assert.match(
      rows[3]!,
      /^\| 2 \| .* \| \+50\.0 \(\+25\.0 to \+70\.0\) \| < 0\.0001 \| .* \| 1 min 15 s \| 1\.50 GiB \|$/,
    )
    const picture = fs.readFileSync(inFolder('docs', 'tiny.svg'), 'utf8')
    assert.equal([...picture.matchAll(/<polyline /g)].length, 2)
    assert.match(picture, /^<svg .*<\/svg>\n$/s)
    assert.doesNotMatch(picture, /NaN|undefined/)
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { common, experiments } from '../../bench/practices/experiments.js'
import type { PracticeRun } from '../../bench/practices/practiceRun.js'
import { readResults, writeResults } from '../../bench/practices/results.js'
import type { PracticeResults } from '../../bench/practices/results.js'
import { curvesOf, labelOf, withTables } from '../../bench/practices/resultsPage.js'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const measured = { greedy: 0.5, sampled: 0.456, unseenWording: 0.125, calculations: null, steps: 0.61, tokens: 10.4 }
const runOf = (name: string, seed: number, sampled: number): PracticeRun => ({
  name,
  seed,
  heldOut: { ...measured, sampled },
  trainedOn: 0.9,
  usableGroups: 0.25,
  sampledTokens: 12_345,
  findings: ['all_right'],
  curve: [0.1, 0.2, 0.123456789],
})
const results: PracticeResults = {
  model: 'm',
  steps: 3,
  heldOut: 10,
  base: measured,
  runs: [runOf('temperature-0.3', 2, 0.7), runOf('temperature-0.3', 1, 0.6), runOf('reference', 1, 0.8)],
}

describe('bench/practices', () => {
  const at = useTemporaryFolder()

  it('has options and rewards that there are, and tells its variants apart', async () => {
    const names = experiments.flatMap(({ variants }) => variants.map(({ name }) => name))
    const others = names.filter((name) => name !== 'reference')
    assert.equal(new Set(others).size, others.length)
    for (const { name, variants } of experiments) {
      assert.equal(new Set(variants.map((variant) => labelOf(name, variant))).size, variants.length, name)
      for (const { config, rewards = ['correctness'] } of variants) {
        parseGRPOConfig({ ...common, ...config })
        await loadRewards([...rewards], common)
      }
    }
  })

  it('has a place for each in docs/best-practices.md', () => {
    const page = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/best-practices.md'), 'utf8')
    for (const { name } of experiments) assert.ok(page.includes(`<!-- measured: ${name} -->`), name)
  })

  it('writes tables of what was run into their places, seeds in their order, and leaves the rest', () => {
    const places = experiments.map(({ name }) => `<!-- measured: ${name} -->\nold\n<!-- end -->`).join('\n')
    const page = withTables(`before\n${places}\nafter`, results)
    assert.match(page, /^before\n/)
    assert.match(page, /\nafter$/)
    assert.match(page, /\| before training \| 45\.6 % \| 50\.0 % \| 12\.5 % \| {2}\| 0\.6 \| – \| 10 \|/)
    assert.match(page, /\| 0\.3 \| 60\.0, 70\.0 % \| .* \| 25 % \| 12 k \| `all_right` \|/)
    // Nothing of it was run.
    assert.match(page, /<!-- measured: all-weights -->\nold\n<!-- end -->/)
    assert.equal(withTables(page, results), page)
    assert.throws(() => withTables('no place', results), /has no <!-- measured: group-size -->/)
    assert.equal(
      curvesOf(
        experiments.find(({ name }) => name === 'all-weights')!,
        results,
      ),
      null,
    )
    assert.match(
      curvesOf(
        experiments.find(({ name }) => name === 'temperature')!,
        results,
      )!,
      /<svg/,
    )
  })

  it('keeps results for the same model and sizes only', () => {
    const file = path.join(at(), 'results.jsonl')
    assert.equal(readResults(file, results), null)
    writeResults(file, results)
    assert.equal(fs.readFileSync(file, 'utf8').split('\n').length, 5)
    assert.deepEqual(readResults(file, results)!.runs[1]!.curve, [0.1, 0.2, 0.1235])
    assert.equal(readResults(file, { ...results, model: 'other' }), null)
    assert.equal(readResults(file, { ...results, steps: 4 }), null)
  })
})

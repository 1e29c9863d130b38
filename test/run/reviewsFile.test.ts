import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { GrpoError } from '../../src/errors.js'
import { appendReview, readReviews } from '../../src/run/reviewsFile.js'
import type { ReviewLine } from '../../src/run/reviewsFile.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('run/reviewsFile', () => {
  const inFolder = useTemporaryFolder()
  const line: ReviewLine = {
    time: '2026-12-01T00:00:00.000Z',
    reviewer: 'anna',
    problem: 'p1',
    decoding: 'greedy',
    sample: 0,
    pair: 'abc',
    left: 'base',
    verdict: 'tie',
    answer_shown: false,
  }
  const file = (): string => inFolder('reviews.jsonl')

  it('gives back what was added, and nothing where nobody has reviewed', async () => {
    assert.deepEqual(readReviews(inFolder('.')), { lines: [], problem: null })
    await appendReview(inFolder('.'), line)
    await appendReview(inFolder('.'), { ...line, verdict: null })
    assert.deepEqual(readReviews(inFolder('.')), { lines: [line, { ...line, verdict: null }], problem: null })
    assert.deepEqual(fs.readdirSync(inFolder('.')), ['reviews.jsonl'])
  })

  it('removes a last line that was cut when its writer was killed, and keeps a whole one', async () => {
    fs.writeFileSync(file(), `${JSON.stringify(line)}\n${JSON.stringify(line).slice(0, 40)}`)
    await appendReview(inFolder('.'), { ...line, problem: 'p2' })
    assert.deepEqual(
      readReviews(inFolder('.')).lines.map(({ problem }) => problem),
      ['p1', 'p2'],
    )
    fs.writeFileSync(file(), JSON.stringify(line))
    await appendReview(inFolder('.'), { ...line, problem: 'p2' })
    assert.equal(readReviews(inFolder('.')).lines.length, 2)
  })

  it('passes over what is damaged, and says so', async () => {
    fs.writeFileSync(
      file(),
      ['not JSON', '{}', JSON.stringify({ ...line, verdict: 'better' }), JSON.stringify({ ...line, left: 'x' })].join(
        '\n',
      ) + '\n',
    )
    await appendReview(inFolder('.'), line)
    const { lines, problem } = readReviews(inFolder('.'))
    assert.deepEqual(lines, [line])
    assert.match(problem!, /^4 lines are damaged and were left out, the first: reviews\.jsonl:1: is not JSON in UTF-8$/)
  })

  it('keeps the verdicts of several programs that write at once', async () => {
    const source = `
      const [module, folder, line, reviewer] = process.argv.slice(1)
      const { appendReview } = await import(module)
      for (let i = 0; i < 20; i++) await appendReview(folder, { ...JSON.parse(line), reviewer, sample: i })
    `
    const module = new URL('../../src/run/reviewsFile.ts', import.meta.url).href
    const options = ['--import', 'tsx', '--input-type=module', '--eval', source, '--']
    const write = (name: string): Promise<unknown> =>
      promisify(execFile)(process.execPath, [...options, module, inFolder('.'), JSON.stringify(line), name])
    await Promise.all(['anna', 'ben', 'carl'].map(write))
    const { lines, problem } = readReviews(inFolder('.'))
    assert.deepEqual([lines.length, problem], [60, null])
    for (const name of ['anna', 'ben', 'carl']) {
      assert.deepEqual(
        lines.filter(({ reviewer }) => reviewer === name).map(({ sample }) => sample),
        Array.from({ length: 20 }, (_, i) => i),
      )
    }
  })

  it('says when the folder cannot be written to', async () => {
    await assert.rejects(appendReview(inFolder('nowhere'), line), GrpoError)
  })
})

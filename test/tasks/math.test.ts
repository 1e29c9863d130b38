import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../../src/errors.js'
import { math } from '../../src/tasks/math.js'
import type { MalformedRow } from '../../src/tasks/task.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { requireShared } from '../shared.js'

describe('math', () => {
  const inFolder = useTemporaryFolder()

  function write(name: string, rows: readonly unknown[]): string {
    fs.mkdirSync(path.dirname(inFolder(name)), { recursive: true })
    fs.writeFileSync(inFolder(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return inFolder(name)
  }

  const row = { problem: 'Add $1$ and $\\frac{1}{2}$.', level: 'Level 2', type: 'Counting & Probability' }

  it('takes the answer from its column or the last box of the solution, level and subject under both names', async () => {
    write('train.jsonl', [
      { ...row, solution: 'Not \\boxed{1} but \\boxed{\\frac{3}{2}}.' },
      { problem: 'What?', answer: ' 7 ', subject: 'Algebra', difficulty: 5 },
    ])
    const { problems } = await math({ data: inFolder('.') })
    assert.deepEqual(
      problems.map(({ answer, difficulty, columns, solution }) => [answer, difficulty, columns?.subject, solution]),
      [
        [
          '\\frac{3}{2}',
          2,
          'Counting & Probability',
          'Not 1 but \\frac{3}{2}.\nThe answer is $\\boxed{\\frac{3}{2}}$.',
        ],
        ['7', 5, 'Algebra', undefined],
      ],
    )
    const [asThoughts] = (await math({ data: inFolder('.'), reasoningFormat: 'think' })).problems
    assert.match(asThoughts!.solution!, /^<think>\nNot .*\n<\/think>\n<answer>\\frac\{3\}\{2\}<\/answer>$/)
  })

  it('reads a folder for each subject, and chooses by level and subject', async () => {
    write('algebra/train-00000-of-00001.jsonl', [{ ...row, solution: '\\boxed{1}', level: 'Level 5', type: 'Algebra' }])
    write('geometry/train.jsonl', [
      { ...row, solution: '\\boxed{2}', level: 'Level ?', type: 'Geometry' },
      { ...row, problem: 'Else?', solution: '\\boxed{3}', level: 'Level 1', type: 'Geometry' },
    ])
    const data = inFolder('.')
    const answers = async (options: object): Promise<string[]> =>
      (await math({ data, ...options })).problems.map(({ answer }) => answer)
    assert.deepEqual(await answers({}), ['1', '2', '3'])
    assert.deepEqual(await answers({ subjects: ['geometry'] }), ['2', '3'])
    assert.deepEqual(await answers({ subjects: ['Geometry', 'Algebra'], limit: 1 }), ['1'])
    assert.deepEqual(await answers({ difficulty: [4, 5] }), ['1'])
    await assert.rejects(math({ data, subjects: ['biology'] }), ConfigError)
  })

  it('counts and names rows without an answer', async () => {
    const file = write('train.jsonl', [row, { ...row, solution: 'One.' }, { answer: '1' }, { ...row, answer: '2' }])
    const rows: MalformedRow[] = []
    const task = await math({ data: file, onMalformedRow: (malformed) => rows.push(malformed) })
    assert.equal(task.problems.length, 1)
    assert.deepEqual(
      rows.map(({ line, reason }) => `${line} ${reason}`),
      [
        '1 has neither an answer nor a solution with \\boxed{…}',
        '2 has neither an answer nor a solution with \\boxed{…}',
        '3 has no question',
      ],
    )
  })

  it('reads MATH-500 and the training problems, which share none', async function () {
    const data = requireShared(this, 'data', 'math')
    const test = await math({ data, split: 'test' })
    assert.equal(test.problems.length, 500)
    assert.deepEqual(new Set(test.problems.map(({ difficulty }) => difficulty)), new Set([1, 2, 3, 4, 5]))
    const train = await math({ data, onMalformedRow: () => undefined })
    assert.equal(train.problems.length, 7470)
    assert.deepEqual(
      train.malformedRows?.map(({ line }) => line),
      [887, 1010, 5329, 5331],
    )
    const geometry = await math({ data, split: 'test', subjects: ['Geometry'] })
    assert.equal(geometry.problems.length, 41)
  })
})

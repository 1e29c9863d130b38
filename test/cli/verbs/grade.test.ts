import assert from 'node:assert/strict'
import fs from 'node:fs'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'

interface GradeLine {
  correct: boolean
  correct_lenient: boolean
  extracted: string | null
  rewards: Record<string, number | null>
}

describe('cli/grade', () => {
  const inFolder = useTemporaryFolder()

  async function gradeRows(task: string, rows: readonly object[], ...flags: string[]): Promise<GradeLine[]> {
    fs.writeFileSync(inFolder('in.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const files = ['--input', inFolder('in.jsonl'), '--output', inFolder('out.jsonl')]
    const { code, stderr } = await run(['grade', '--task', task, ...files, ...flags])
    assert.equal(code, 0, stderr)
    const lines = fs.readFileSync(inFolder('out.jsonl'), 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line) as GradeLine)
  }

  it("grades the tutorial's word problem as models answer it", async () => {
    const question = 'Sarah has 3 times as many apples as Tom. Together they have 24 apples. How many does Sarah have?'
    const steps =
      'Let me think through this step by step:\n1. Let Tom have x apples\n2. So 4x = 24 and x = 6\n3. 3 × 6 = 18'
    const completions: [completion: string, verdict: 'strict' | 'lenient' | 'wrong'][] = [
      [`${steps}\n#### 18`, 'strict'],
      ['<think>24 / 4 = 6</think>\n<answer>18</answer>', 'strict'],
      ['#### **18** apples', 'strict'],
      ['#### 17\n#### 18', 'strict'],
      [`${steps}\nAnswer: 18 apples`, 'lenient'],
      ['Sarah has 18 apples.', 'lenient'],
      ['**Answer: 18**', 'lenient'],
      ['$\\boxed{18}$', 'lenient'],
      ['The answer is eighteen.', 'lenient'],
      ['It is 17. Wait, that is wrong: 3 * 6 = 18. So 18.', 'lenient'],
      ['It is 18. Wait, no: 3 * 7 = 21. So 21.', 'wrong'],
      ['The answer is not 18.', 'wrong'],
      ['17 or 18', 'wrong'],
      ['#### 18\n#### 20', 'wrong'],
      ['I cannot answer this question.', 'wrong'],
      ['<answer></answer>', 'wrong'],
      ['', 'wrong'],
      [question, 'wrong'],
    ]
    const graded = await gradeRows(
      'gsm8k',
      completions.map(([completion]) => ({ completion, answer: '18', question })),
    )
    const verdicts = graded.map(({ correct, correct_lenient }) =>
      correct ? 'strict' : correct_lenient ? 'lenient' : 'wrong',
    )
    for (const [i, [completion, verdict]] of completions.entries()) assert.equal(verdicts[i], verdict, completion)
    assert.equal(graded[0]!.extracted, '18')
    assert.equal(graded[0]!.rewards.correctness, 1)
    assert.equal(graded[0]!.rewards.format, 1)
    assert.equal(graded.at(-1)!.extracted, null)
  })

  it('grades the other tasks of text by their columns', async () => {
    const [right, wrong] = await gradeRows('math', [
      { completion: 'So $\\boxed{\\dfrac{2}{4}}$.', answer: '\\frac{1}{2}' },
      { completion: '\\boxed{2}', answer: '\\frac{1}{2}' },
    ])
    assert.deepEqual([right!.correct, wrong!.correct_lenient], [true, false])
    const countdown = await gradeRows('countdown', [
      { completion: '<answer>(25 - 5) * 3</answer>', numbers: [3, 5, 25], target: 60 },
      { completion: '<answer>60</answer>', nums: [3, 5, 25], target: 60 },
    ])
    assert.deepEqual(
      countdown.map(({ correct }) => correct),
      [true, false],
    )
    const roses = await gradeRows('syllogism', [
      { completion: 'All roses are flowers, but some other flowers may fade.\n#### no', answer: 'no' },
      { completion: 'Yes, some roses fade quickly.', answer: 'no' },
    ])
    assert.deepEqual(
      roses.map(({ correct_lenient }) => correct_lenient),
      [true, false],
    )
  })

  it('computes the rewards that are asked for', async () => {
    const rows = [{ completion: '5 + 3 = 9\n#### 8', answer: 8 }]
    const [line] = await gradeRows('arithmetic', rows, '--rewards', 'step_arithmetic', 'cosine_scaled')
    assert.deepEqual(line!.rewards, { step_arithmetic: -0.5, cosine_scaled: 1 })
  })

  it('names the line of a row that cannot be graded', async () => {
    const grade = (row: object, task = 'gsm8k') =>
      run(['grade', '--task', task, '--input', '-', '--output', '-'], JSON.stringify(row))
    assert.match((await grade({ completion: '18' })).stderr, /standard input:1: has no answer/)
    assert.match((await grade({ completion: '18', answer: 'a knave' })).stderr, /standard input:1/)
    assert.match((await grade({ answer: '18' })).stderr, /standard input:1.*completion/)
    const unknown = await grade({ completion: '18', answer: '18' }, 'gsm9k')
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /unknown task 'gsm9k'/)
  })
})

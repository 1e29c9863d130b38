import assert from 'node:assert/strict'
import { ConfigError } from '../../src/errors.js'
import type { FormatOptions } from '../../src/rewards/options.js'
import { format } from '../../src/rewards/index.js'
import { gsm8k } from '../../src/tasks/gsm8k.js'
import type { Problem } from '../../src/grading/problem.js'
import { requireShared } from '../shared.js'

const problem: Problem = { id: 'own/1', question: 'What is 9 + 9?', answer: '18' }

function score(
  completion: string,
  options?: FormatOptions,
  given: { finishReason?: 'stop' | 'length'; problem?: Problem } = {},
): unknown {
  const meta = { problem, finishReason: 'stop' as const, ...given }
  return format(options).score({ prompt: '', completion, answer: meta.problem.answer, ids: [], meta })
}

describe('format', () => {
  it('gsm8k: pays for exactly one answer line, at the end', () => {
    for (const completion of ['#### 18', 'It is 9 + 9 = 18.\n#### 18\n', 'So\n#### -1,250', '#### 7']) {
      assert.equal(score(completion), 1, completion)
    }
    const wrong = [
      '',
      '18',
      '####18',
      '#### ',
      '#### eighteen',
      '#### 18 pens',
      '#### 17 18',
      '#### 18\nDone.',
      'It is #### 18',
    ]
    for (const completion of [
      ...wrong,
      '#### 17\n#### 18',
      ' #### 17\n#### 18',
      '#### Plan\n#### 18',
      '##### 18',
      '#### 1,1',
    ]) {
      assert.equal(score(completion), 0, completion)
    }
  })

  it('think: pays for one thought and one answer and nothing else', () => {
    for (const completion of [
      '<think>9 + 9</think><answer>18</answer>',
      '<think>\nx\n</think>\n<answer>\n18\n</answer>\n',
    ]) {
      assert.equal(score(completion, { style: 'think' }), 1, completion)
    }
    const wrong = [
      '',
      '<think></think><answer>18</answer>',
      '<think>x</think><answer> </answer>',
      '<answer>18</answer>',
      '#### 18',
    ]
    const doubled = [
      '<think>x<think>y</think><answer>18</answer>',
      '<think>x</think><answer>17</answer><answer>18</answer>',
    ]
    const around = [
      'So <think>x</think><answer>18</answer>',
      '<think>x</think>so<answer>18</answer>',
      '<think>x</think><answer>18</answer>.',
    ]
    for (const completion of [...wrong, ...doubled, ...around, '<answer>18</answer><think>x</think>']) {
      assert.equal(score(completion, { style: 'think' }), 0, completion)
    }
  })

  it('boxed: pays for one box in the last line', () => {
    for (const completion of ['So $x = \\boxed{18}$.', 'We add.\nIt is \\boxed{\\frac{1}{2}}\n']) {
      assert.equal(score(completion, { style: 'boxed' }), 1, completion)
    }
    for (const completion of ['', '18', '\\boxed{}', '\\boxed{17} \\boxed{18}', '\\boxed{18}\nDone.', '\\boxed{18']) {
      assert.equal(score(completion, { style: 'boxed' }), 0, completion)
    }
  })

  it('takes the form that the problem asks for unless another style is given', () => {
    const boxed: Problem = { ...problem, answerForm: 'boxed' }
    assert.equal(score('It is \\boxed{18}.', {}, { problem: boxed }), 1)
    assert.equal(score('#### 18', {}, { problem: boxed }), 0)
    assert.equal(score('#### 18', { style: 'gsm8k' }, { problem: boxed }), 1)
  })

  it('think: takes other tags', () => {
    const options = { style: 'think', reasoningTag: 'reasoning', answerTag: 'final' } as const
    assert.equal(score('<reasoning>x</reasoning><final>18</final>', options), 1)
    assert.equal(score('<think>x</think><answer>18</answer>', options), 0)
    assert.throws(() => format({ ...options, answerTag: '(.*)' }), ConfigError)
  })

  it('pays for the number alone where the problem asks for it', () => {
    const bare: Problem = { ...problem, answerForm: 'bare' }
    assert.equal(score('19', {}, { problem: bare }), 1)
    assert.equal(score('#### 18', {}, { problem: bare }), 0)
    assert.equal(score('18', { style: 'think' }, { problem: bare }), 0)
  })

  it('does not pay for a completion that was cut off', () => {
    assert.equal(score('#### 18', {}, { finishReason: 'length' }), 0)
  })

  it('has a name and a weight, and refuses an unknown style', () => {
    assert.equal(format().name, 'format')
    assert.equal(format().weight, 1)
    assert.equal(format({ weight: 0.2 }).weight, 0.2)
    assert.throws(() => format({ weight: Infinity }), ConfigError)
    assert.throws(
      () => format({ style: 'xml' as 'think' }),
      /style: expected one of gsm8k, think, boxed, code, bare, got 'xml'/,
    )
  })

  it('pays for every solution of GSM8K', async function () {
    const { problems } = await gsm8k({ data: requireShared(this, 'data', 'gsm8k'), split: 'test' })
    assert.equal(problems.filter((own) => score(own.solution!) !== 1).length, 0)
  })
})

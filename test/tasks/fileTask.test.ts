import assert from 'node:assert/strict'
import fs from 'node:fs'
import { ConfigError, DataError } from '../../src/errors.js'
import { graderNames } from '../../src/grading/namedGraders.js'
import { fileTask } from '../../src/tasks/fileTask.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('fileTask', () => {
  const inFolder = useTemporaryFolder()

  function write(name: string, text: string): string {
    fs.writeFileSync(inFolder(name), text)
    return inFolder(name)
  }

  it('reads named columns and keeps the others', async () => {
    const data = write('train.csv', 'q,a,how,topic\n"What, then?",1/2,Halve it.,maths\n')
    const task = await fileTask({ data, questionColumn: 'q', answerColumn: 'a', solutionColumn: 'how' })
    const [problem] = task.problems
    assert.deepEqual(
      { ...problem, grader: undefined },
      {
        id: 'file/train/1',
        question: 'What, then?',
        answer: '1/2',
        answerForm: 'boxed',
        columns: { how: 'Halve it.', topic: 'maths' },
        solution: 'Halve it.\nThe answer is $\\boxed{1/2}$.',
        grader: undefined,
      },
    )
    assert.equal((await problem!.grader!('\\boxed{0.5}', problem!)).correct, true)
    assert.equal((await problem!.grader!('\\boxed{2}', problem!)).correctLenient, false)
    await assert.rejects(fileTask({ data }), /has no column question; it has q, a, how, topic/)
    for (const [name, content] of [
      ['empty.csv', 'question,answer\n1 + 1?,\n'],
      ['empty.jsonl', '{"question": "1 + 1?", "answer": null}'],
    ] as const) {
      await assert.rejects(fileTask({ data: write(name, content) }), /empty\.\w+:\d has no text in the column answer/)
    }
  })

  it('splits a file whose name says no split, without overlap and without loss', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => JSON.stringify({ question: `What is ${i}?`, answer: i }))
    const data = write('mine.jsonl', rows.join('\n'))
    const ids = async (split: 'train' | 'test'): Promise<string[]> =>
      (await fileTask({ data, split, grader: 'number' })).problems.map(({ id }) => id)
    const [train, test] = [await ids('train'), await ids('test')]
    assert.equal(new Set([...train, ...test]).size, 200)
    assert.equal(train.length + test.length, 200)
    assert.ok(test.length > 20 && test.length < 65, `${test.length}`)
    assert.equal((await fileTask({ data, limit: 7 })).problems.length, 7)
    await assert.rejects(fileTask({ data: write('one.jsonl', rows[0]!), split: 'test' }), DataError)
  })

  it('compares texts and choices', async () => {
    const data = write(
      'train.jsonl',
      ['Paris', 'London', 'Rome'].map((answer, i) => JSON.stringify({ question: `Where ${i}?`, answer })).join('\n'),
    )
    for (const grader of ['exact', 'choice'] as const) {
      const [problem] = (await fileTask({ data, grader })).problems
      const graded = async (text: string): Promise<string> => {
        const { correct, correctLenient } = await problem!.grader!(text, problem!)
        return correct ? 'strict' : correctLenient ? 'lenient' : 'wrong'
      }
      assert.equal(await graded('I think.\n#### paris.'), 'strict')
      assert.equal(await graded('<answer> **Paris** </answer>'), 'lenient')
      assert.equal(await graded('The answer is Paris.'), 'lenient')
      assert.equal(await graded('#### Paris or London'), 'wrong')
      assert.equal(await graded('#### Rome'), 'wrong')
      assert.equal(await graded(''), 'wrong')
    }
    await assert.rejects(fileTask({ data, grader: 'best' as 'exact' }), ConfigError)
  })

  describe('gold answers', () => {
    const rowsOf = (answers: readonly string[]): string =>
      write(
        'train.jsonl',
        answers.map((answer, i) => JSON.stringify({ question: `What is it, number ${i}?`, answer })).join('\n'),
      )

    it('that the grader cannot compare are counted and named with their lines, or left out', async () => {
      const data = rowsOf(['3', 'N/A', '5', '12:30', '7'])
      await assert.rejects(fileTask({ data, grader: 'number' }), (error: Error) => {
        assert.ok(error instanceof DataError)
        assert.match(
          error.message,
          /^2 of 5 rows are malformed: \S+train\.jsonl:2 has the answer 'N\/A', but only numbers can be graded; \S+:4 has /,
        )
        assert.match(error.message, /or leave them out with onBadRows 'skip' \(--on-bad-rows skip\)$/)
        return true
      })
      const task = await fileTask({ data, grader: 'number', onBadRows: 'skip' })
      assert.deepEqual(
        task.problems.map(({ answer }) => answer),
        ['3', '5', '7'],
      )
      assert.deepEqual(
        task.malformedRows?.map(({ line }) => line),
        [2, 4],
      )
      const lines: number[] = []
      await fileTask({ data, grader: 'number', onMalformedRow: ({ line }) => lines.push(line) })
      assert.deepEqual(lines, [2, 4])
    })

    it('that are sentences are refused by every grader, unless a pattern finds the answer in them', async () => {
      const data = rowsOf(['The answer is 3.', 'The answer is 5.'])
      for (const grader of graderNames) {
        await assert.rejects(
          fileTask({ data, grader }),
          /^DataError: 2 of 2 rows are malformed: .*--answer-pattern/s,
          grader,
        )
        const { problems } = await fileTask({ data, grader, answerPattern: 'answer is (.+?)\\.$' })
        assert.deepEqual(
          problems.map(({ answer }) => answer),
          ['3', '5'],
          grader,
        )
      }
      await assert.rejects(
        fileTask({ data, answerPattern: '(' }),
        /answerPattern is '\('; expected a regular expression/,
      )
      await assert.rejects(fileTask({ data, answerPattern: '\\d{3}' }), /in which answerPattern finds nothing/)
    })

    it('are read from the end of whole solutions where that is clear', async () => {
      const data = rowsOf([
        'We add.\n1 + 2 = 3\n#### 3',
        'It is $\\boxed{5}$.',
        '<think>x</think><answer>7</answer>',
        '9',
      ])
      for (const grader of graderNames) {
        const { problems } = await fileTask({ data, grader, reasoningFormat: 'gsm8k' })
        assert.deepEqual(
          problems.map(({ answer }) => answer),
          ['3', '5', '7', '9'],
          grader,
        )
        assert.equal(problems[0]!.solution, 'We add.\n1 + 2 = 3\n#### 3')
      }
      await assert.rejects(fileTask({ data: rowsOf(['#### 3\n#### 4']) }), /a solution in which it is not clear/)
    })
  })
})

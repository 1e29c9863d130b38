import assert from 'node:assert/strict'
import fs from 'node:fs'
import { ConfigError, DataError } from '../../src/errors.js'
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
        ...{
          id: 'file/train/1',
          question: 'What, then?',
          answer: '1/2',
          answerForm: 'boxed',
          columns: { how: 'Halve it.', topic: 'maths' },
        },
        ...{ solution: 'Halve it.\nThe answer is $\\boxed{1/2}$.', grader: undefined },
      },
    )
    assert.equal((await problem!.grader!('\\boxed{0.5}', problem!)).correct, true)
    assert.equal((await problem!.grader!('\\boxed{2}', problem!)).correctLenient, false)
    await assert.rejects(fileTask({ data }), /has no column question; it has q, a, how, topic/)
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
})

import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import { evaluationReport } from '../../src/report/evaluationReport.js'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { writeFinishedRun } from '../push/finishedRun.js'

describe('report/evaluationReport', () => {
  const inFolder = useTemporaryFolder()
  before(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('describes what was asked, and what the weights were kept in where that is known', async () => {
    await writeFinishedRun(inFolder('run'), { model: temporaryTinyModel(), dtype: 'int8' })
    const evaluation = readEvaluation(inFolder('run', 'eval.json'))
    assert.equal(
      evaluationReport(evaluation).description,
      '12 problems of letters, 3 sampled for each at temperature 1, up to 12 tokens, 95 % intervals, frozen weights int8, groups of 64',
    )
    const earlier = evaluation.policies.map((policy) => ({ ...policy, weightFormat: null }))
    assert.match(evaluationReport({ ...evaluation, policies: earlier }).description, /95 % intervals$/)
  })
})

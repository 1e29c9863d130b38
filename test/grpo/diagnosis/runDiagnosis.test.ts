import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../../src/engine/registry.js'
import type { Finding } from '../../../src/grpo/diagnosis/finding.js'
import { findingsOf } from '../../../src/grpo/diagnosis/findingsOf.js'
import { describeFinding, RunDiagnosis } from '../../../src/grpo/diagnosis/runDiagnosis.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { rewardOf, withPolicy } from '../tinyTask.js'

const config = {
  numGenerations: 4,
  generationBatchSize: 64,
  maxCompletionLength: 100,
  lossType: 'dapo' as const,
  learningRate: 1e-5,
  maxGradNorm: 1,
  temperature: 1,
}

describe('grpo/diagnosis/runDiagnosis', () => {
  const inFolder = useTemporaryFolder()
  before(() => selectEngine('cpu'))

  it('gives each finding of a run once, as it stood last, oldest first', () => {
    const finding = (name: Finding['name'], since: number, state: Finding['state']): Finding => {
      return { name, since, state, subject: null, severity: 'info', message: state, evidence: {}, advice: '' }
    }
    const found = findingsOf([
      { diagnosis: [finding('truncation', 4, 'started')] },
      { diagnosis: [finding('truncation', 4, 'ongoing'), finding('all_wrong', 2, 'ongoing')] },
      { diagnosis: [finding('truncation', 4, 'ended')] },
      { diagnosis: [finding('truncation', 9, 'started')] },
    ])
    assert.deepEqual(
      found.map(({ name, since, state }) => [name, since, state]),
      [
        ['all_wrong', 2, 'ongoing'],
        ['truncation', 4, 'ended'],
        ['truncation', 9, 'started'],
      ],
    )
    assert.deepEqual(findingsOf([]), [])
  })

  it('says when a finding starts, that it goes on, and once that it has ended', () => {
    const diagnosis = new RunDiagnosis(config)
    const states: string[] = []
    const lines: string[] = []
    for (let step = 1; step <= 20; step++) {
      const ratio = step <= 6 ? 0.5 : 0.1
      for (const finding of diagnosis.add(step, { 'completions/clipped_ratio': ratio })) {
        assert.equal(finding.name, 'truncation')
        assert.equal(finding.since, 3)
        states.push(`${step} ${finding.state}`)
        lines.push(describeFinding(finding))
      }
    }
    // The mean of the last three batches is above 20 % until step 8; the fifth silent step ends it.
    const ongoing = [4, 5, 6, 7, 8, 9, 10, 11, 12].map((step) => `${step} ongoing`)
    assert.deepEqual(states, ['3 started', ...ongoing, '13 ended'])
    assert.match(lines[0]!, /^warning: truncation: 50 % of the completions .* Try: \S/)
    assert.equal(lines.at(-1), 'over: truncation, since step 3')
  })

  it('starts anew when something comes back, and keeps reward functions apart', () => {
    const diagnosis = new RunDiagnosis(config)
    const found: Finding[] = []
    for (let step = 1; step <= 30; step++) {
      const std = step > 8 && step < 20 ? 0.1 : 0
      found.push(
        ...diagnosis.add(step, {
          'rewards/a/mean': 0,
          'rewards/a/std': 0,
          'rewards/b/mean': 0,
          'rewards/b/std': std,
        }),
      )
    }
    const events = (subject: string): string[] =>
      found.filter((finding) => finding.subject === subject && finding.state !== 'ongoing').map(({ state }) => state)
    assert.deepEqual(events('a'), ['started'])
    assert.deepEqual(events('b'), ['started', 'ended', 'started'])
  })

  it('takes null for NaN, as metrics.jsonl has it', () => {
    const [finding] = new RunDiagnosis(config).add(1, { loss: null })
    assert.equal(finding?.name, 'not_finite')
  })

  it('comes with every step of a trainer and is kept in diagnosis.jsonl', async () => {
    await withPolicy(async ({ trainerOf }) => {
      const trainer = trainerOf(
        { rewards: [rewardOf(() => 0, 'correctness')], outputDir: inFolder('run') },
        { maxSteps: 8, generationBatchSize: 32, perDeviceTrainBatchSize: 32 },
      )
      const steps = await trainer.train()
      const last = steps.at(-1)!.diagnosis
      assert.deepEqual(last.map(({ name }) => name).sort(), ['all_wrong', 'eos_never', 'reward_never_fires'])
      const lines = fs.readFileSync(inFolder('run', 'diagnosis.jsonl'), 'utf8').trimEnd().split('\n')
      const events = lines.map((line) => JSON.parse(line) as Finding & { step: number })
      assert.equal(events.length, 3)
      for (const event of events) {
        assert.equal(event.state, 'started')
        assert.equal(event.step, event.since)
        assert.ok(event.advice.length > 0)
      }
    })
  })
})

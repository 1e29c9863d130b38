import assert from 'node:assert/strict'
import { embeddedModels } from '../../src/hub/embeddedModels.js'
import { ConfigError, loadModel, selectEngine } from '../../src/index.js'
import { compareTokens } from '../../src/parts.js'

describe('policy/compareTokens', () => {
  before(() => selectEngine('cpu'))

  it('finds no difference between a model and a new adapter of it, and the one that its weights make', async () => {
    const base = await loadModel(embeddedModels[0])
    const policy = base.withLora({ r: 2, seed: 1 })
    const reading = { promptIds: base.tokenizer!.encode('Tom has 3 shells.'), text: '#### 3' }
    const same = await compareTokens(base, policy, reading)
    assert.deepEqual(same.ids, base.tokenizer!.encode('#### 3'))
    assert.ok(same.change.every((value) => value === 0))
    policy.trained.parameters.update((values) => {
      for (let i = 0; i < values.length; i++) values[i]! += 0.02
    })
    const { before, after, change } = await compareTokens(base, policy, reading)
    assert.deepEqual(before, same.before)
    assert.ok(change.some((value) => value !== 0))
    for (const [i, value] of change.entries()) assert.equal(value, after[i]! - before[i]!)
    await assert.rejects(compareTokens(base, policy, { ...reading, text: '' }), ConfigError)
  })
})

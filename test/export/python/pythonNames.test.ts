import assert from 'node:assert/strict'
import { pythonNames } from '../../../src/export/python/pythonNames.js'

describe('names of reward functions in Python', () => {
  it('are their own where they can be', () => {
    assert.deepEqual(pythonNames(['correctness', 'format', 'soft_overlong', 'length'], ''), [
      'correctness',
      'format',
      'soft_overlong',
      'length',
    ])
  })

  it("are numbers where Python, the client or the engine's functions have the name", () => {
    const names = [
      'json',
      'len',
      'class',
      'post',
      'RuntimeError',
      'kept',
      'my reward',
      'a.b',
      "it's",
      '__name__',
      'reward_1',
      '9',
      'ü',
      'own',
    ]
    const given = pythonNames(names, 'def own(x):\n    return x')
    assert.deepEqual(
      given,
      names.map((_, i) => `reward_${i + 1}`),
    )
  })
})

import assert from 'node:assert/strict'
import { sentencePieceMerges } from '../../../src/model/gguf/sentencePieceMerges.js'

describe('gguf/sentencePieceMerges', () => {
  /** Merges of tokens with their scores, none of which is `special`. */
  const merges = (scores: Record<string, number>, special = ''): string[] => {
    const tokens = Object.keys(scores)
    const isNormal = (id: number): boolean => tokens[id] !== special
    return sentencePieceMerges(tokens, Float64Array.from(Object.values(scores)), isNormal)
  }

  it('are all cuts into two tokens, of higher scores and longer left parts first', () => {
    const scores = { a: -1, b: -2, ab: -9, ba: -8, aba: -7, abab: -7 }
    assert.deepEqual(merges(scores), ['aba b', 'ab ab', 'ab a', 'a ba', 'b a', 'a b'])
    assert.deepEqual(merges(scores, 'b'), ['ab ab', 'ab a', 'a ba'])
    assert.deepEqual(merges(scores, 'aba'), ['ab ab', 'b a', 'a b'])
  })

  it('cut between characters, not within one', () => {
    const [first, second] = ['😀', '😁']
    assert.deepEqual(merges({ [first]: 0, [second]: 0, [first + second]: 0 }), [`${first} ${second}`])
    const half = first.slice(0, 1)
    assert.deepEqual(merges({ [half]: 0, [first.slice(1)]: 0, [first]: 0 }), [])
    // A character of two halves counts as one: of equal scores the cut whose left part has more characters is first.
    const tokens = { [first]: 0, ab: 0, a: 0, b: 0, [first + 'ab']: -1, [first + 'a']: -2 }
    assert.deepEqual(merges(tokens), ['a b', `${first}a b`, `${first} ab`, `${first} a`])
  })
})

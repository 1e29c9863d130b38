import assert from 'node:assert/strict'
import { javascriptAttacks } from './fuzz/javascriptAttacks.js'
import { fuzzMessages } from './fuzz/javascriptMessages.js'
import { runBesideNeighbours } from './fuzz/besideNeighbours.js'

describe('attacks in JavaScript', function () {
  this.timeout(600_000)

  it('are all different', () => {
    const texts = Object.values(javascriptAttacks)
      .flat()
      .map(({ program, tests }) => `${program}\n${tests}`)
    assert.equal(new Set(texts).size, texts.length)
  })

  it('fail with nothing else changed, some of each kind (npm run test:sandbox has them all)', async () => {
    const some = Object.values(javascriptAttacks).flatMap((attacks) => attacks.filter((_, i) => i % 12 === 5))
    await runBesideNeighbours(some)
  })

  it('with made-up messages forge no verdict', () => fuzzMessages(200))
})

import { javascriptAttacks } from './javascriptAttacks.js'
import { fuzzMessages } from './javascriptMessages.js'
import { runBesideNeighbours } from './besideNeighbours.js'

const count = Object.values(javascriptAttacks).flat().length

describe(`${count} attacks in JavaScript, each with a right and a wrong program beside it`, function () {
  this.timeout(1_800_000)
  for (const [goal, attacks] of Object.entries(javascriptAttacks)) {
    it(`${attacks.length} on ${goal} fail, and nothing else changes`, () => runBesideNeighbours(attacks))
  }
})

describe('made-up messages of a JavaScript program', function () {
  this.timeout(1_800_000)
  it('forge no verdict', () => fuzzMessages(5000))
})

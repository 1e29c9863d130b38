import type { Random } from '../random.js'
import { Story } from './story.js'
import { parts, people, things, times } from './vocabulary.js'
import type { Person, Thing } from './vocabulary.js'

/** A story about one person's things, of which there are `value` so far. */
interface Chain {
  readonly random: Random
  readonly story: Story
  readonly person: Person
  /** Gives and takes things; told apart from the person by the pronoun. */
  readonly friend: Person
  /** Has a number of things of the own, which the person's are compared with. */
  readonly other: Person
  readonly thing: Thing
  readonly largest: number
  value: number
}

/** Tells a story of `length` calculations about things that come and go; each one needs the result of those before. */
export function tellChain(random: Random, length: number): Story {
  const person = random.pick(people)
  const strangers = people.filter(({ he }) => he !== person.he)
  const [friend, other] = random.sample(strangers, 2) as [Person, Person]
  const largest = length <= 2 ? 30 : length <= 4 ? 120 : 400
  const chain: Chain = {
    random,
    story: new Story(),
    person,
    friend,
    other,
    thing: random.pick(things),
    largest,
    value: 0,
  }
  const { calculations } = chain.story
  const open = openings.filter(({ length: taken }) => taken <= length - (length > 1 ? 1 : 0))
  random.pick(length === 1 ? open.filter(({ length: taken }) => taken === 0) : open).tell(chain)
  while (calculations.length < length) {
    const left = length - calculations.length
    if (left === 1 && random.chance(0.6) && tellEnding(chain)) return chain.story
    const possible = events.filter(({ length: taken, isPossible }) => taken <= left && isPossible(chain))
    random.pick(possible).tell(chain)
  }
  return ask(chain)
}

interface Part {
  /** Number of calculations. */
  readonly length: number
  readonly tell: (chain: Chain) => void
}

const openings: readonly Part[] = [
  {
    length: 0,
    tell(chain) {
      const { random, story, person, thing } = chain
      chain.value = random.int(6, Math.max(20, Math.floor(chain.largest / 3)))
      story.say(
        random.pick([
          `${person.name} has ${chain.value} ${thing.plural}.`,
          `${person.name} ${thing.gets} ${chain.value} ${thing.plural} on Monday.`,
          `In the morning, ${person.name} has ${chain.value} ${thing.plural}.`,
        ]),
      )
    },
  },
  {
    length: 1,
    tell(chain) {
      const { random, story, person, thing } = chain
      const [boxes, each] = [random.int(2, 9), random.int(3, 12)]
      const [container, containers] = thing.container
      story.say(
        random.pick([
          `${person.name} has ${boxes} ${containers} of ${thing.plural} with ${each} ${thing.plural} in each ${container}.`,
          `${person.name} owns ${boxes} ${containers}, and every ${container} holds ${each} ${thing.plural}.`,
        ]),
      )
      chain.value = story.work(`${person.name} has = ${thing.plural} to begin with.`, boxes, '*', each)
    },
  },
  {
    length: 1,
    tell(chain) {
      const { random, story, person, thing } = chain
      const [days, each] = [random.int(2, 7), random.int(3, 15)]
      story.say(`For ${days} days, ${person.name} ${thing.gets} ${each} ${thing.plural} every day.`)
      chain.value = story.work(`In ${days} days, that makes = ${thing.plural}.`, days, '*', each)
    },
  },
  {
    length: 1,
    tell(chain) {
      const { random, story, person, other, thing } = chain
      const factor = random.pick([2, 3, 4, 5] as const)
      const fewer = random.int(3, 18)
      story.say(`${other.name} has ${fewer} ${thing.plural}. ${person.name} has ${times[factor]} as many.`)
      chain.value = story.work(`${person.name} has = ${thing.plural}.`, factor, '*', fewer)
    },
  },
  {
    length: 1,
    tell(chain) {
      const { random, story, person, thing } = chain
      const [first, second] = [random.int(4, 40), random.int(4, 40)]
      story.say(`${person.name} ${thing.gets} ${first} ${thing.plural} on Saturday and ${second} on Sunday.`)
      chain.value = story.work(`Over the weekend, that makes = ${thing.plural}.`, first, '+', second)
    },
  },
  {
    length: 1,
    tell(chain) {
      const { random, story, person, other, thing } = chain
      const few = random.int(5, 40)
      const difference = random.int(2, Math.ceil(few / 2))
      const isMore = random.chance(0.5)
      story.say(
        `${other.name} has ${few} ${thing.plural}. ${person.name} has ${difference} ${isMore ? 'more' : 'fewer'} than ${other.name}.`,
      )
      chain.value = story.work(`${person.name} has = ${thing.plural}.`, few, isMore ? '+' : '-', difference)
    },
  },
]

const events: readonly (Part & { readonly isPossible: (chain: Chain) => boolean })[] = [
  {
    length: 1,
    isPossible: ({ value, largest }) => value < largest,
    tell(chain) {
      const { random, story, person, friend, thing } = chain
      const more = random.int(2, Math.max(9, Math.floor(chain.largest / 4)))
      story.say(
        random.pick([
          `Then ${person.he} gets ${more} more from ${friend.name}.`,
          `The next day, ${person.he} ${thing.gets} ${more} more.`,
          `${friend.name} gives ${person.him} another ${more} ${thing.plural}.`,
        ]),
      )
      chain.value = story.work(
        random.pick([`Now ${person.he} has = ${thing.plural}.`, `With ${more} more, there are = ${thing.plural}.`]),
        chain.value,
        '+',
        more,
      )
    },
  },
  {
    length: 1,
    isPossible: ({ value }) => value > 4,
    tell(chain) {
      const { random, story, person, friend, thing } = chain
      const fewer = random.int(2, chain.value - 2)
      story.say(
        random.pick([
          `Then ${person.he} gives ${fewer} of them to ${friend.name}.`,
          `${fewer} of them get lost.`,
          `Later, ${person.he} sells ${fewer} ${thing.plural} to a neighbor.`,
          `${person.he} has to throw away ${fewer} of them.`,
        ]),
      )
      chain.value = story.work(
        random.pick([`That leaves = ${thing.plural}.`, `Afterwards ${person.he} has = ${thing.plural}.`]),
        chain.value,
        '-',
        fewer,
      )
    },
  },
  {
    length: 1,
    isPossible: ({ value, largest }) => value > 0 && value * 2 <= largest,
    tell(chain) {
      const { random, story, person, thing } = chain
      const factor = chain.value * 3 <= chain.largest ? random.pick([2, 3] as const) : 2
      story.say(
        `${random.pick(['One month later', 'After a while', 'A few weeks later'])}, ${person.he} has ${times[factor]} as many ${thing.plural} as before.`,
      )
      chain.value = story.work(`Then ${person.he} has = ${thing.plural}.`, chain.value, '*', factor)
    },
  },
  {
    length: 2,
    isPossible: ({ value }) => value > 5 && divisors(value).length > 0,
    tell(chain) {
      const { random, story, person, friend, thing } = chain
      const divisor = random.pick(divisors(chain.value))
      story.say(`${person.he} gives ${parts[divisor]} of ${person.his} ${thing.plural} to ${friend.name}.`)
      const given = story.work(`${friend.name} gets = ${thing.plural}.`, chain.value, '/', divisor)
      chain.value = story.work(`${person.name} keeps = ${thing.plural}.`, chain.value, '-', given)
    },
  },
  {
    length: 2,
    isPossible: ({ value, largest }) => value < largest,
    tell(chain) {
      const { random, story, person, thing } = chain
      const [boxes, each] = [random.int(2, 6), random.int(3, 12)]
      const [, containers] = thing.container
      story.say(`Then ${person.he} gets ${boxes} more ${containers} with ${each} ${thing.plural} in each of them.`)
      const more = story.work(`The new ${containers} hold = ${thing.plural}.`, boxes, '*', each)
      chain.value = story.work(`Altogether, there are = ${thing.plural}.`, chain.value, '+', more)
    },
  },
]

/** Divisors that the vocabulary has a name for. */
function divisors(value: number): (2 | 3 | 4 | 5)[] {
  return ([2, 3, 4, 5] as const).filter((divisor) => value % divisor === 0)
}

/** A last calculation with a question; false if the numbers allow none. */
function tellEnding({ random, story, person, thing, value, largest }: Chain): boolean {
  const [container, containers] = thing.container
  const shares = [2, 3, 4, 5, 6, 7, 8, 9, 10].filter((share) => value % share === 0 && value / share > 1)
  const kind = random.pick(['sell', 'goal', ...(shares.length > 0 ? ['pack', 'share'] : [])])
  if (kind === 'sell') {
    if (value < 2 || value > 120) return false
    const price = random.int(2, 9)
    story.say(`${person.he} sells all of them for $${price} each. How many dollars does ${person.name} earn?`)
    story.work(`${person.name} earns = dollars.`, value, '*', price)
  } else if (kind === 'goal') {
    const goal = value + random.int(3, Math.max(10, Math.floor(largest / 4)))
    story.say(`${person.name} wants to have ${goal} ${thing.plural}. How many more does ${person.he} need?`)
    story.work(`${person.he} needs = more ${thing.plural}.`, goal, '-', value)
  } else {
    const share = random.pick(shares)
    if (kind === 'pack') {
      story.say(
        `${person.he} packs them into ${containers} of ${share} ${thing.plural}. How many ${containers} does ${person.he} fill?`,
      )
      story.work(
        `${person.he} fills = ${containers}, each ${container} with ${share} ${thing.plural}.`,
        value,
        '/',
        share,
      )
    } else {
      story.say(`${share} children share them equally. How many ${thing.plural} does each child get?`)
      story.work(`Each child gets = ${thing.plural}.`, value, '/', share)
    }
  }
  return true
}

function ask({ random, story, person, thing }: Chain): Story {
  return story.say(
    random.pick([
      `How many ${thing.plural} does ${person.name} have now?`,
      `How many ${thing.plural} does ${person.he} have in the end?`,
      `How many ${thing.plural} are there now?`,
    ]),
  )
}

import type { Random } from '../random.js'
import { Story } from './story.js'
import { goods, people, things, times } from './vocabulary.js'
import type { Person } from './vocabulary.js'

/** A situation with a fixed number of calculations. */
export interface Scenario {
  /** Number of calculations. */
  readonly length: number
  tell(random: Random): Story
}

/** Two different people. */
function two(random: Random): [Person, Person] {
  return random.sample(people, 2) as [Person, Person]
}

export const scenarios: readonly Scenario[] = [
  {
    length: 1,
    tell(random) {
      const { name } = random.pick(people)
      const [hours, speed] = [random.int(2, 9), random.int(4, 70)]
      const story = new Story().say(
        `${name} travels at ${speed} miles per hour for ${hours} hours. How many miles does ${name} travel?`,
      )
      story.work(`${name} travels = miles.`, speed, '*', hours)
      return story
    },
  },
  {
    length: 1,
    tell(random) {
      const { plural } = random.pick(things)
      const [count, price] = [random.int(3, 20), random.int(2, 12)]
      const story = new Story().say(
        `At the market, each of the ${plural} costs $${price}. How many dollars do ${count} ${plural} cost?`,
      )
      story.work(`${count} ${plural} cost = dollars.`, count, '*', price)
      return story
    },
  },
  {
    length: 1,
    tell(random) {
      const { name, he } = random.pick(people)
      const [hours, rate] = [random.int(2, 9), random.int(3, 25)]
      const { plural } = random.pick(things)
      const story = new Story().say(
        `${name} packs ${hours * rate} ${plural} in ${hours} hours, the same number every hour. How many ${plural} does ${he} pack in an hour?`,
      )
      story.work(`${name} packs = ${plural} in an hour.`, hours * rate, '/', hours)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const [name, friend] = two(random).map((person) => person.name)
      const age = random.int(4, 25)
      const factor = random.pick([2, 3, 4] as const)
      const years = random.int(2, 15)
      const story = new Story().say(
        `${name} is ${age} years old. ${friend} is ${times[factor]} as old as ${name}. How old will ${friend} be in ${years} years?`,
      )
      const now = story.work(`${friend} is = years old now.`, age, '*', factor)
      story.work(`In ${years} years, ${friend} will be = years old.`, now, '+', years)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const { name, he } = random.pick(people)
      const [perDay, days] = [random.int(5, 40), random.int(3, 9)]
      const pages = perDay * days + random.int(5, 120)
      const story = new Story().say(
        `${name} is reading a book of ${pages} pages. ${he} reads ${perDay} pages a day for ${days} days.`,
        `How many pages are left to read?`,
      )
      const read = story.work(`${name} has read = pages.`, perDay, '*', days)
      story.work(`There are = pages left.`, pages, '-', read)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const rows = random.int(5, 20)
      const seats = random.int(4, 12)
      const taken = random.int(10, rows * seats - 2)
      const where = random.pick(['theater', 'bus', 'cinema', 'hall'])
      const story = new Story().say(
        `A ${where} has ${rows} rows of ${seats} seats. ${taken} seats are taken. How many seats are free?`,
      )
      const all = story.work(`The ${where} has = seats.`, rows, '*', seats)
      story.work(`So = seats are free.`, all, '-', taken)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const { name, he, him } = random.pick(people)
      const weekly = random.int(4, 25)
      const weeks = random.int(3, 14)
      const saved = random.int(10, 90)
      const price = saved + weekly * weeks
      const story = new Story().say(
        `${name} wants a bike that costs $${price}. ${he} has already saved $${saved} and saves $${weekly} more every week.`,
        `How many weeks does it take ${him} until ${he} can buy the bike?`,
      )
      const missing = story.work(`${name} still needs = dollars.`, price, '-', saved)
      story.work(`It takes ${him} = weeks.`, missing, '/', weekly)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const cakes = random.int(2, 6)
      const eggs = random.int(2, 5)
      const wanted = cakes + random.int(2, 12)
      const { name } = random.pick(people)
      const story = new Story().say(
        `${name} uses ${cakes * eggs} eggs to bake ${cakes} cakes. How many eggs does ${name} need for ${wanted} such cakes?`,
      )
      const each = story.work(`One cake takes = eggs.`, cakes * eggs, '/', cakes)
      story.work(`${wanted} cakes take = eggs.`, wanted, '*', each)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const part = random.pick([2, 3, 4, 5] as const)
      const pupils = part * random.int(4, 12)
      const share = { 2: 'Half', 3: 'One third', 4: 'One quarter', 5: 'One fifth' }[part]
      const story = new Story().say(
        `There are ${pupils} students in a class. ${share} of them walk to school and the others take the bus. How many students take the bus?`,
      )
      const walk = story.work(`= students walk to school.`, pupils, '/', part)
      story.work(`So = students take the bus.`, pupils, '-', walk)
      return story
    },
  },
  {
    length: 2,
    tell(random) {
      const { name, he } = random.pick(people)
      const { plural } = random.pick(things)
      const [count, cost] = [random.int(4, 30), random.int(2, 12)]
      const price = cost + random.int(1, 8)
      const story = new Story().say(
        `${name} buys ${count} ${plural} for $${cost} each and sells them for $${price} each. How many dollars of profit does ${he} make?`,
      )
      const profit = story.work(`${name} makes = dollars on each of them.`, price, '-', cost)
      story.work(`The whole profit is = dollars.`, count, '*', profit)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const [person, friend] = two(random)
      const { plural } = random.pick(things)
      const factor = random.pick([2, 3, 4, 5] as const)
      const fewer = random.int(3, 24)
      const all = fewer * (factor + 1)
      const story = new Story().say(
        `${person.name} has ${times[factor]} as many ${plural} as ${friend.name}. Together they have ${all} ${plural}. How many ${plural} does ${person.name} have?`,
      )
      const shares = story.work(`Together they have = equal parts, one of them ${friend.name}'s.`, factor, '+', 1)
      const part = story.work(`One part is = ${plural}.`, all, '/', shares)
      story.work(`${person.name} has = ${plural}.`, factor, '*', part)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const { name, he } = random.pick(people)
      const [wage, hours, days] = [random.int(8, 30), random.int(3, 9), random.int(2, 6)]
      const spent = random.int(10, wage * hours * days - 5)
      const story = new Story().say(
        `${name} earns $${wage} an hour and works ${hours} hours a day. After ${days} days of work, ${he} spends $${spent}.`,
        `How many dollars does ${name} have left?`,
      )
      const daily = story.work(`${name} earns = dollars a day.`, wage, '*', hours)
      const earned = story.work(`In ${days} days, ${he} earns = dollars.`, daily, '*', days)
      story.work(`${name} has = dollars left.`, earned, '-', spent)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const [chickens, cows] = [random.int(3, 40), random.int(2, 30)]
      const story = new Story().say(
        `On a farm there are ${chickens} chickens and ${cows} cows. How many legs do they have altogether?`,
      )
      const two = story.work(`The chickens have = legs.`, chickens, '*', 2)
      const four = story.work(`The cows have = legs.`, cows, '*', 4)
      story.work(`Altogether, there are = legs.`, two, '+', four)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const [width, length, price] = [random.int(3, 30), random.int(4, 45), random.int(2, 15)]
      const story = new Story().say(
        `A garden is ${width} meters wide and ${length} meters long. A fence around it costs $${price} per meter. How many dollars does the fence cost?`,
      )
      const half = story.work(`One long and one short side are = meters.`, width, '+', length)
      const around = story.work(`The whole fence is = meters long.`, 2, '*', half)
      story.work(`It costs = dollars.`, around, '*', price)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const { name, he, his } = random.pick(people)
      const scores = [random.int(40, 99), random.int(40, 99), random.int(40, 99)] as [number, number, number]
      scores[2] += (3 - ((scores[0] + scores[1] + scores[2]) % 3)) % 3
      const subject = random.pick(['math', 'history', 'spelling', 'science'])
      const story = new Story().say(
        `${name} takes three ${subject} tests and scores ${scores[0]}, ${scores[1]} and ${scores[2]} points. What is ${his} average score?`,
      )
      const first = story.work(`In the first two tests, ${he} scores = points.`, scores[0], '+', scores[1])
      const sum = story.work(`With the third one, that makes = points.`, first, '+', scores[2])
      story.work(`The average is = points.`, sum, '/', 3)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const good = random.pick(goods)
      const percent = random.pick([10, 20, 25, 30, 40, 50, 75])
      const price = 20 * random.int(2, 12)
      const story = new Story().say(
        `A ${good} costs $${price}. In a sale, its price is cut by ${percent}%. How many dollars does the ${good} cost in the sale?`,
      )
      const hundredth = story.work(`Multiplied by the percentage, the price gives =.`, price, '*', percent)
      const discount = story.work(`So the discount is = dollars.`, hundredth, '/', 100)
      story.work(`In the sale, the ${good} costs = dollars.`, price, '-', discount)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const { name } = random.pick(people)
      const [fast, slow] = [random.int(40, 70), random.int(20, 39)]
      const [first, second] = [random.int(2, 6), random.int(2, 6)]
      const story = new Story().say(
        `${name} drives for ${first} hours at ${fast} miles per hour and then for ${second} hours at ${slow} miles per hour. How many miles does ${name} drive altogether?`,
      )
      const a = story.work(`The first part is = miles.`, first, '*', fast)
      const b = story.work(`The second part is = miles.`, second, '*', slow)
      story.work(`Altogether, ${name} drives = miles.`, a, '+', b)
      return story
    },
  },
  {
    length: 3,
    tell(random) {
      const [inflow, outflow, hours] = [random.int(12, 40), random.int(2, 11), random.int(3, 9)]
      const before = random.int(20, 150)
      const story = new Story().say(
        `A tank holds ${before} liters of water. A pipe adds ${inflow} liters every hour, but ${outflow} liters leak out every hour. How many liters are in the tank after ${hours} hours?`,
      )
      const gain = story.work(`Every hour, the tank gains = liters.`, inflow, '-', outflow)
      const all = story.work(`In ${hours} hours, it gains = liters.`, gain, '*', hours)
      story.work(`Then it holds = liters.`, before, '+', all)
      return story
    },
  },
  {
    length: 4,
    tell(random) {
      const { name, he } = random.pick(people)
      const [first, second] = random.sample(things, 2)
      const [count, price, otherCount, otherPrice] = [
        random.int(2, 9),
        random.int(2, 9),
        random.int(2, 9),
        random.int(2, 9),
      ]
      const total = count * price + otherCount * otherPrice
      const paid = (Math.floor(total / 20) + 1) * 20
      const story = new Story().say(
        `${name} buys ${count} ${first!.plural} for $${price} each and ${otherCount} ${second!.plural} for $${otherPrice} each. ${he} pays with $${paid}.`,
        `How many dollars does ${he} get back?`,
      )
      const a = story.work(`The ${first!.plural} cost = dollars.`, count, '*', price)
      const b = story.work(`The ${second!.plural} cost = dollars.`, otherCount, '*', otherPrice)
      const sum = story.work(`Together, that is = dollars.`, a, '+', b)
      story.work(`${name} gets back = dollars.`, paid, '-', sum)
      return story
    },
  },
  {
    length: 4,
    tell(random) {
      const [first, second, third] = random.sample(people, 3) as [Person, Person, Person]
      const { plural } = random.pick(things)
      const [count, more] = [random.int(4, 30), random.int(2, 15)]
      const factor = random.pick([2, 3] as const)
      const story = new Story().say(
        `${first.name} has ${count} ${plural}. ${second.name} has ${more} more ${plural} than ${first.name}, and ${third.name} has ${times[factor]} as many as ${second.name}.`,
        `How many ${plural} do the three of them have altogether?`,
      )
      const b = story.work(`${second.name} has = ${plural}.`, count, '+', more)
      const c = story.work(`${third.name} has = ${plural}.`, factor, '*', b)
      const both = story.work(`${first.name} and ${second.name} have = ${plural}.`, count, '+', b)
      story.work(`All three have = ${plural}.`, both, '+', c)
      return story
    },
  },
  {
    length: 5,
    tell(random) {
      const { name, he } = random.pick(people)
      const [boxes, each] = [random.int(3, 9), random.int(6, 20)]
      const spoiled = random.int(2, boxes * each - 10)
      const price = random.int(2, 6)
      const hours = random.int(2, 8)
      const pay = random.int(2, 9)
      const { plural, container } = random.pick(things)
      const story = new Story().say(
        `${name} takes ${boxes} ${container[1]} of ${plural} to the market, with ${each} ${plural} in each. ${spoiled} of the ${plural} are damaged on the way, and ${he} sells the others for $${price} each.`,
        `Besides, ${he} earns $${pay} an hour by helping at another stall for ${hours} hours. How many dollars does ${he} bring home?`,
      )
      const all = story.work(`${name} takes = ${plural} to the market.`, boxes, '*', each)
      const good = story.work(`Of these, = ${plural} can be sold.`, all, '-', spoiled)
      const sales = story.work(`They bring = dollars.`, good, '*', price)
      const wages = story.work(`Helping brings = dollars.`, pay, '*', hours)
      story.work(`Altogether, ${he} brings home = dollars.`, sales, '+', wages)
      return story
    },
  },
]

import type { Draw } from '../../tasks/generators/wordProblems/draw.js'

/** People of stories. */
const NAMES = (
  'Tom Anna Ben Lisa Max Emma Sam Mia Leo Nora Jack Ella Paul Lucy Omar Zoe Ava Noah Ivy Hugo Rosa Felix Clara Oscar Ruth Adam ' +
  'Maya Liam Sara Erik Nina Kim Ali Eva John Mary Peter Jane David Laura Carlos Sofia Ken Priya Wei Fatima Igor Marta Luca Hana'
).split(' ')

/** Others who own, sell or count things. */
const ROLES = (
  'farmer baker teacher gardener shopkeeper boy girl coach cook painter driver grandmother grandfather uncle aunt neighbor ' +
  'librarian fisherman carpenter doctor student family class team club school shop king pirate'
).split(' ')

/** What is counted. */
const THINGS = (
  'apples books coins cards shells stamps pens marbles eggs balls cookies stickers oranges pears plums lemons bananas peaches ' +
  'cherries grapes tomatoes potatoes carrots onions nuts cakes muffins pies sandwiches pizzas candies sweets lollipops ' +
  'toys dolls cars trucks kites puzzles blocks dice beads buttons ribbons rings keys hats shirts socks gloves scarves shoes ' +
  'roses tulips flowers trees plants seeds leaves stones rocks bricks tiles boards nails bolts tools bottles cans jars mugs ' +
  'glasses bowls forks spoons baskets lamps candles clocks chairs desks pictures photos letters notes magazines newspapers ' +
  'pencils crayons brushes markers notebooks folders tickets badges medals feathers balloons flags bags boxes cups plates ' +
  'fish birds cows sheep goats horses chickens ducks rabbits cats dogs mice bees ants frogs worms snails drinks snacks loaves'
).split(' ')

/** What things are like when there are two kinds of them. */
const KINDS =
  'red blue green yellow white black old new long short round square wooden plastic sweet sour clean broken'.split(' ')

/** Where things are, with their preposition. */
const PLACES = (
  'in a box|in a basket|in the drawer|on the table|on a plate|in the room|in the garden|on the desk|in a bowl|in the shop|' +
  'at the market|in the kitchen|on the floor|in the yard|in a jar|in the cupboard|on the wall|in a drawer|under the tree|in the store'
).split('|')

/** What holds things: plural. */
const CONTAINERS =
  'boxes bags baskets jars packs shelves plates trays crates drawers bowls tins piles cartons sacks stacks buckets'.split(
    ' ',
  )

/** Who takes or gets things: plural. */
const PEOPLE =
  'children friends boys girls students guests players neighbors cousins workers visitors sisters brothers people'.split(
    ' ',
  )

const SYLLABLES =
  'ba be bo da di do fa fe gi go ka ki ko la li lo ma mi mo na ni no pa pe po ra ri ro sa so ta ti to va ve za zo'.split(
    ' ',
  )

/** A word that means nothing, so that the model learns to read stories with words that it does not know. */
function inventedWord(draw: Draw): string {
  return draw.pick(SYLLABLES) + draw.pick(SYLLABLES) + (draw.chance(0.4) ? draw.pick(SYLLABLES) : '')
}

/** The words of one story, by the names of their slots. */
export interface Cast {
  readonly N: string
  readonly M: string
  readonly O: string
  readonly T: string
  readonly K: string
  readonly L: string
  readonly P: string
  readonly C: string
  readonly F: string
  readonly he: string
  readonly his: string
}

/** Draws who and what a story is about. */
export function drawCast(draw: Draw): Cast {
  const person = (): string => {
    if (draw.chance(0.18)) return `${draw.pick(['the', 'the', 'a'])} ${draw.pick(ROLES)}`
    if (draw.chance(0.06)) return capitalised(inventedWord(draw))
    return draw.pick(NAMES)
  }
  const names = new Set<string>()
  while (names.size < 3) names.add(person())
  const [N, M, O] = [...names] as [string, string, string]
  const K = draw.pick(KINDS)
  const [he, his] = draw.pick([
    ['he', 'his'],
    ['she', 'her'],
  ] as const)
  return {
    N,
    M,
    O,
    T: draw.chance(0.1) ? `${inventedWord(draw)}s` : draw.pick(THINGS),
    K,
    L: draw.pick(KINDS.filter((kind) => kind !== K)),
    P: draw.pick(PLACES),
    C: draw.pick(CONTAINERS),
    F: draw.pick(PEOPLE),
    he,
    his,
  }
}

/** With a capital letter first. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

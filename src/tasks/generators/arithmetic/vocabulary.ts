/** Someone in a word problem. */
export interface Person {
  readonly name: string
  readonly he: 'he' | 'she'
  readonly his: 'his' | 'her'
  readonly him: 'him' | 'her'
}

const she = { he: 'she', his: 'her', him: 'her' } as const
const he = { he: 'he', his: 'his', him: 'him' } as const
const women =
  'Sarah Mia Emma Olivia Aisha Lena Priya Sofia Hannah Grace Zoe Chloe Nina Maria Fatima Yuki Clara Ruth Ivy Julia Naomi Elena Wanjiru Mei'
const men =
  'Tom Liam Noah Omar Ben Lucas Diego Ravi Samuel Jack Leo Ivan Marcus Felix Kenji Paul Henry Ali Peter Carlos Victor Daniel Kofi Wei'

export const people: readonly Person[] = [
  ...women.split(' ').map((name) => ({ name, ...she })),
  ...men.split(' ').map((name) => ({ name, ...he })),
]

/** Things that can be counted, bought, given away and packed. */
export interface Thing {
  readonly plural: string
  /** How someone comes by the first ones. */
  readonly gets: string
  /** What several of them come in. */
  readonly container: readonly [singular: string, plural: string]
}

export const things: readonly Thing[] = [
  { plural: 'apples', gets: 'picks', container: ['basket', 'baskets'] },
  { plural: 'oranges', gets: 'buys', container: ['bag', 'bags'] },
  { plural: 'plums', gets: 'picks', container: ['bowl', 'bowls'] },
  { plural: 'eggs', gets: 'collects', container: ['carton', 'cartons'] },
  { plural: 'cookies', gets: 'bakes', container: ['tin', 'tins'] },
  { plural: 'muffins', gets: 'bakes', container: ['tray', 'trays'] },
  { plural: 'stickers', gets: 'collects', container: ['sheet', 'sheets'] },
  { plural: 'stamps', gets: 'collects', container: ['album', 'albums'] },
  { plural: 'marbles', gets: 'wins', container: ['jar', 'jars'] },
  { plural: 'trading cards', gets: 'collects', container: ['pack', 'packs'] },
  { plural: 'books', gets: 'buys', container: ['box', 'boxes'] },
  { plural: 'pencils', gets: 'buys', container: ['case', 'cases'] },
  { plural: 'seashells', gets: 'finds', container: ['bucket', 'buckets'] },
  { plural: 'candles', gets: 'makes', container: ['carton', 'cartons'] },
  { plural: 'bracelets', gets: 'makes', container: ['pouch', 'pouches'] },
  { plural: 'toy cars', gets: 'collects', container: ['crate', 'crates'] },
  { plural: 'tomatoes', gets: 'harvests', container: ['crate', 'crates'] },
  { plural: 'roses', gets: 'cuts', container: ['bunch', 'bunches'] },
]

/** Things in a shop, dearer than a handful of dollars. */
export const goods = ['jacket', 'lamp', 'backpack', 'pair of shoes', 'tent', 'radio', 'chair', 'helmet'] as const

export const times = { 2: 'twice', 3: '3 times', 4: '4 times', 5: '5 times' } as const
export const parts = { 2: 'half', 3: 'a third', 4: 'a quarter', 5: 'a fifth' } as const

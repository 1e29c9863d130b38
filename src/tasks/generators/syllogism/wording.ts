import type { Statement } from './entailment.js'

/** What can be said of things. */
export interface Term {
  /** As predicate: `are flowers`, `fade quickly`. */
  readonly positive: string
  /** `are not flowers`, `do not fade quickly` */
  readonly negative: string
  /** As subject: `flowers`. */
  readonly noun: string
  readonly isProperty: boolean
}

const NOUNS =
  'roses flowers plants trees birds animals sparrows penguins dogs cats mammals reptiles lizards fish whales insects beetles ' +
  'artists painters teachers doctors engineers musicians pianists athletes swimmers students sailors farmers bakers ' +
  'cars machines robots tools books novels poems paintings planets moons stones metals crystals buildings towers boats ' +
  'wugs blickets daxes toves feps zorks morfs plimps'
const PROPERTIES =
  'fade quickly, sleep at night, like the rain, need water, grow slowly, live long, break easily, shine in the dark, ' +
  'cost a lot, smell sweet, move fast, make noise, travel far, change color, float on water, attract bees'

export function classTerm(noun: string): Term {
  return { positive: `are ${noun}`, negative: `are not ${noun}`, noun, isProperty: false }
}

export function propertyTerm(verb: string): Term {
  return { positive: verb, negative: `do not ${verb}`, noun: `things that ${verb}`, isProperty: true }
}

export const classes: readonly Term[] = NOUNS.split(' ').map(classTerm)
export const properties: readonly Term[] = PROPERTIES.split(', ').map(propertyTerm)

/** `all roses are flowers` */
export function statementText({ quantifier, subject, predicate }: Statement, terms: readonly Term[]): string {
  const { noun } = terms[subject]!
  const { positive, negative } = terms[predicate]!
  switch (quantifier) {
    case 'all':
      return `all ${noun} ${positive}`
    case 'no':
      return `no ${noun} ${positive}`
    case 'some':
      return `some ${noun} ${positive}`
    case 'some-not':
      return `some ${noun} ${negative}`
  }
}

import { entails, allKinds, isIn, isUniversal, kindsOf, kindsOfTerm, membersOf, ruledOutBy } from './entailment.js'
import type { Statement } from './entailment.js'
import { statementText } from './wording.js'
import type { Term } from './wording.js'

/** Why a conclusion follows, or a case in which the premises are true and it is false. */
export function explain(premises: readonly Statement[], conclusion: Statement, terms: readonly Term[]): string {
  if (!entails(premises, conclusion, terms.length)) return counterexample(premises, conclusion, terms)
  return isUniversal(conclusion) ? whyNothing(premises, conclusion, terms) : whySomething(premises, conclusion, terms)
}

/** Every kind of thing that the conclusion rules out is ruled out by a premise. */
function whyNothing(premises: readonly Statement[], conclusion: Statement, terms: readonly Term[]): string {
  const lines = membersOf(kindsOf(conclusion, terms.length)).map(
    (kind) => `There are no things that ${describe(kind, terms)}, because ${reasonAgainst(kind, premises, terms)}.`,
  )
  return [...lines, `So ${statementText(conclusion, terms)}: this follows.`].join('\n')
}

/** Of what one premise says to exist, the other premises leave only kinds that make the conclusion true. */
function whySomething(premises: readonly Statement[], conclusion: Statement, terms: readonly Term[]): string {
  const spokenOf = kindsOf(conclusion, terms.length)
  const ruledOut = ruledOutBy(premises, terms.length)
  const premise = premises.find(
    (candidate) => !isUniversal(candidate) && (kindsOf(candidate, terms.length) & ~ruledOut & ~spokenOf) === 0,
  )!
  const kinds = kindsOf(premise, terms.length)
  const lines = membersOf(kinds & ruledOut).map(
    (kind) => `They cannot be things that ${describe(kind, terms)}, because ${reasonAgainst(kind, premises, terms)}.`,
  )
  const left = membersOf(kinds & ~ruledOut).map((kind) => describe(kind, terms))
  return [
    `We know that ${statementText(premise, terms)}.`,
    ...lines,
    `So they must be things that ${left.join(', or that ')}.`,
    `So ${statementText(conclusion, terms)}: this follows.`,
  ].join('\n')
}

/** A small set of things that makes the premises true and the conclusion false. */
function counterexample(premises: readonly Statement[], conclusion: Statement, terms: readonly Term[]): string {
  const spokenOf = kindsOf(conclusion, terms.length)
  const possible = allKinds(terms.length) & ~ruledOutBy(premises, terms.length)
  const allowed = isUniversal(conclusion) ? possible : possible & ~spokenOf
  let chosen = isUniversal(conclusion) ? firstOf(allowed & spokenOf) : 0
  // Something of every term, where that is possible: an empty class would be a poor example.
  const wanted = [
    ...premises.filter((premise) => !isUniversal(premise)).map((premise) => kindsOf(premise, terms.length)),
    ...terms.map((_, term) => kindsOfTerm(term, terms.length)),
  ]
  for (const kinds of wanted) if ((kinds & chosen) === 0) chosen |= firstOf(kinds & allowed)
  return [
    'Look for a case in which the premises are true and the conclusion is false.',
    ...membersOf(chosen).map((kind) => `Suppose there are things that ${describe(kind, terms)}.`),
    'Suppose there is nothing else.',
    `Then ${premises.map((premise) => statementText(premise, terms)).join(', and ')}.`,
    `But it is not true that ${statementText(conclusion, terms)}.`,
    'So this does not follow.',
  ].join('\n')
}

/** The set of the first kind of a set alone. */
function firstOf(set: number): number {
  return set & -set
}

/** The premise, as text, that rules a kind out. */
function reasonAgainst(kind: number, premises: readonly Statement[], terms: readonly Term[]): string {
  const premise = premises.find((candidate) => isUniversal(candidate) && isIn(kindsOf(candidate, terms.length), kind))!
  return statementText(premise, terms)
}

/** `are roses, are flowers and do not fade quickly` */
function describe(kind: number, terms: readonly Term[]): string {
  const texts = terms.map(({ positive, negative }, term) => (isIn(kind, term) ? positive : negative))
  return `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)!}`
}

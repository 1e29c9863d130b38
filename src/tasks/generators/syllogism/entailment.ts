/** A statement about two terms, by their indices. */
export interface Statement {
  readonly quantifier: 'all' | 'no' | 'some' | 'some-not'
  readonly subject: number
  readonly predicate: number
}

/**
 * There are at most five terms, so that a set of kinds fits into 32 bits. A kind of things is a number whose bits say which terms hold of it; a set of kinds is one whose bits say which kinds are in
 * it. Gives the kinds that a universal statement rules out, or of which an existential one says that at least one exists.
 */
export function kindsOf({ quantifier, subject, predicate }: Statement, numTerms: number): number {
  const holds = quantifier === 'no' || quantifier === 'some' ? kindsWith(predicate) : ~kindsWith(predicate)
  return kindsWith(subject) & holds & allKinds(numTerms)
}

/** Of every 2^(term + 1) kinds, the upper half. */
function kindsWith(term: number): number {
  return [0xaaaaaaaa, 0xcccccccc, 0xf0f0f0f0, 0xff00ff00, 0xffff0000][term]!
}

/** The set of the kinds of which a term holds. */
export function kindsOfTerm(term: number, numTerms: number): number {
  return kindsWith(term) & allKinds(numTerms)
}

/** The set of all kinds. */
export function allKinds(numTerms: number): number {
  return numTerms === 5 ? ~0 : (1 << (2 ** numTerms)) - 1
}

/** The kinds of a set. */
export function membersOf(set: number): number[] {
  return Array.from({ length: 32 }, (_, kind) => kind).filter((kind) => isIn(set, kind))
}

/** Whether a term holds of a kind, or a kind is in a set. */
export function isIn(bits: number, index: number): boolean {
  return ((bits >>> index) & 1) === 1
}

export function isUniversal({ quantifier }: Statement): boolean {
  return quantifier === 'all' || quantifier === 'no'
}

/** Every kind that one of the universal premises rules out. */
export function ruledOutBy(premises: readonly Statement[], numTerms: number): number {
  return premises.filter(isUniversal).reduce((set, premise) => set | kindsOf(premise, numTerms), 0)
}

/**
 * Whether a conclusion follows from premises. A universal one does if the premises rule out each kind that it rules out; an
 * existential one if the kinds that one of the premises leaves for what it says exists are all kinds that the conclusion
 * speaks of. `nonEmpty` adds that something of every term exists, as Aristotle has it. From a contradiction everything
 * follows.
 */
export function entails(
  premises: readonly Statement[],
  conclusion: Statement,
  numTerms: number,
  options: { nonEmpty?: boolean } = {},
): boolean {
  const ruledOut = ruledOutBy(premises, numTerms)
  const existing = premises.filter((premise) => !isUniversal(premise)).map((premise) => kindsOf(premise, numTerms))
  if (options.nonEmpty === true) {
    for (let term = 0; term < numTerms; term++) existing.push(kindsOfTerm(term, numTerms))
  }
  const left = existing.map((kinds) => kinds & ~ruledOut)
  if (left.includes(0)) return true
  const spokenOf = kindsOf(conclusion, numTerms)
  return isUniversal(conclusion) ? (spokenOf & ~ruledOut) === 0 : left.some((kinds) => (kinds & ~spokenOf) === 0)
}

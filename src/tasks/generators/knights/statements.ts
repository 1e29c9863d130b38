/** What an inhabitant says; people by their index. In Python's notation, the `statements` of Logic-RL's data are these. */
export type Claim = readonly ['telling-truth' | 'lying', number] | readonly ['and' | 'or' | '->' | '<=>', Claim, Claim]

/** Whether a claim is true if `isKnight` says who is a knight. */
export function isTrue(claim: Claim, isKnight: readonly boolean[]): boolean {
  switch (claim[0]) {
    case 'telling-truth':
      return isKnight[claim[1]]!
    case 'lying':
      return !isKnight[claim[1]]!
    case 'and':
      return isTrue(claim[1], isKnight) && isTrue(claim[2], isKnight)
    case 'or':
      return isTrue(claim[1], isKnight) || isTrue(claim[2], isKnight)
    case '->':
      return !isTrue(claim[1], isKnight) || isTrue(claim[2], isKnight)
    case '<=>':
      return isTrue(claim[1], isKnight) === isTrue(claim[2], isKnight)
  }
}

/** Everyone whom a claim speaks of. */
function mentioned(claim: Claim): number[] {
  switch (claim[0]) {
    case 'telling-truth':
    case 'lying':
      return [claim[1]]
    default:
      return [...mentioned(claim[1]), ...mentioned(claim[2])]
  }
}

/** `Zoey is a knight or Oliver is a knave` */
export function claimText(claim: Claim, names: readonly string[]): string {
  switch (claim[0]) {
    case 'telling-truth':
      return `${names[claim[1]]!} is a knight`
    case 'lying':
      return `${names[claim[1]]!} is a knave`
    case '->':
      return `if ${claimText(claim[1], names)} then ${claimText(claim[2], names)}`
    case '<=>':
      return `${claimText(claim[1], names)} if and only if ${claimText(claim[2], names)}`
    case 'and':
    case 'or':
      return `${claimText(claim[1], names)} ${claim[0]} ${claimText(claim[2], names)}`
  }
}

/**
 * Every way in which people can be knights and knaves: knights say what is true, knaves what is false. Person i makes claim i.
 * Tries all 2^n ways, so a puzzle with exactly one of them has a unique solution.
 */
export function solveKnights(claims: readonly Claim[]): boolean[][] {
  return Array.from({ length: 2 ** claims.length }, (_, bits) =>
    claims.map((_claim, person) => ((bits >> person) & 1) === 1),
  ).filter((isKnight) => claims.every((claim, person) => isTrue(claim, isKnight) === isKnight[person]))
}

/** The way to the solution by assuming one role after the other and going back at a contradiction. */
export function explainKnights(claims: readonly Claim[], names: readonly string[]): string[] {
  const lines: string[] = []
  // People are looked at in the order in which claims lead to them, so that contradictions show early.
  const order = [...new Set([0, ...claims.flatMap((claim, person) => [person, ...mentioned(claim)])])]
  const roles: (boolean | undefined)[] = claims.map(() => undefined)

  const contradicted = (): number | undefined =>
    order.find(
      (person) =>
        roles[person] !== undefined &&
        mentioned(claims[person]!).every((other) => roles[other] !== undefined) &&
        isTrue(claims[person]!, roles as boolean[]) !== roles[person],
    )

  const assume = (depth: number): boolean => {
    const person = order[depth]
    if (person === undefined) return true
    for (const role of [true, false]) {
      const name = `${names[person]!} is a ${role ? 'knight' : 'knave'}`
      roles[person] = role
      const liar = contradicted()
      if (liar === undefined) {
        lines.push(`Suppose ${name}.`)
        if (assume(depth + 1)) return true
        if (role) lines.push(`So with these assumptions, ${names[person]!} cannot be a knight.`)
      } else {
        const said = claimText(claims[liar]!, names)
        lines.push(
          `If ${name}, it is ${isTrue(claims[liar]!, roles as boolean[]) ? 'true' : 'false'} that ${said}, ` +
            `but ${names[liar]!}, who says so, is a ${roles[liar] === true ? 'knight' : 'knave'}: a contradiction.`,
        )
      }
    }
    roles[person] = undefined
    return false
  }
  assume(0)
  return lines
}

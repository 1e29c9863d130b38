/** A word problem that is being told: its sentences, its worked steps and its calculations. */
export class Story {
  readonly sentences: string[] = []
  readonly steps: string[] = []
  /** `12 + 5`; what makes it this problem, whatever it is told as. */
  readonly calculations: string[] = []
  /** The last result. */
  answer = 0

  say(...sentences: string[]): this {
    this.sentences.push(...sentences.map(capitalized))
    return this
  }

  /**
   * Adds a worked step and returns its result. `text` has `=` where the calculation belongs: with 12, + and 5,
   * `She has = apples.` becomes `She has 12 + 5 = 17 apples.`
   */
  work(text: string, left: number, operator: '+' | '-' | '*' | '/', right: number): number {
    const calculation = `${left} ${operator} ${right}`
    const results = { '+': left + right, '-': left - right, '*': left * right, '/': left / right }
    this.answer = results[operator]
    this.calculations.push(calculation)
    this.steps.push(capitalized(text.replace('=', `${calculation} = ${this.answer}`)))
    return this.answer
  }
}

/** With a capital at the start of every sentence. */
function capitalized(text: string): string {
  return text.replace(/(?:^|[.?!] )[a-z]/g, (start) => start.toUpperCase())
}

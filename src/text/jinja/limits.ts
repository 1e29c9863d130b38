/** A template asks for more time or space than any chat needs. */
export class TemplateLimitError extends Error {
  override name = 'TemplateLimitError'
}

/** Characters of any text that a template makes; the longest context of a model has a tenth as many tokens. */
const MAX_TEXT_LENGTH = 8_000_000
/** A step is a part of the template that is evaluated once, an item of a list, or 32 characters. */
const MAX_STEPS = 10_000_000
const CHARACTERS_PER_STEP = 32
/** Python's own sandbox has this limit (MAX_RANGE). */
const MAX_RANGE = 100_000
/** Macros that call each other. Python stops at a thousand calls, of which a macro takes a few. */
const MAX_DEPTH = 200
const STEPS_OF_A_CALL = 20

/**
 * Counts what the rendering of a template costs. Whatever takes longer the longer a text or list is has to be charged before
 * it is done, so that no template runs for long or fills the memory, on any machine alike.
 */
export class Meter {
  #steps = 0
  #depth = 0

  /** Throws a TemplateLimitError when there have been too many steps. */
  charge(steps: number): void {
    this.#steps += steps
    if (this.#steps <= MAX_STEPS) return
    throw new TemplateLimitError(`it does more than ${MAX_STEPS} steps for one prompt, as an endless loop does`)
  }

  /** Charges for a text that is about to be made or gone through. Throws a TemplateLimitError when it would be too long. */
  chargeText(length: number): void {
    this.checkLength(length)
    this.charge(1 + length / CHARACTERS_PER_STEP)
  }

  /** Throws a TemplateLimitError when a text has become too long. */
  checkLength(length: number): void {
    if (length <= MAX_TEXT_LENGTH) return
    throw new TemplateLimitError(`it makes a text of more than ${MAX_TEXT_LENGTH} characters`)
  }

  /** Charges for looking for a text in another: in the worst case every character is compared with every other. */
  chargeSearch(length: number, soughtLength: number): void {
    this.charge(1 + length / CHARACTERS_PER_STEP + (length * soughtLength) / 1000)
  }

  /** Charges for a range of numbers. */
  chargeRange(length: number): void {
    if (length > MAX_RANGE) throw new TemplateLimitError(`it makes a range of more than ${MAX_RANGE} numbers`)
    this.charge(length)
  }

  /** Runs a macro. Throws a TemplateLimitError when too many have called each other. */
  nested<T>(body: () => T): T {
    if (this.#depth >= MAX_DEPTH) throw new TemplateLimitError(`its macros call each other more than ${MAX_DEPTH} deep`)
    this.#depth++
    this.charge(STEPS_OF_A_CALL)
    try {
      return body()
    } finally {
      this.#depth--
    }
  }
}

/** Verbs that begin the description of a step; they are no units. */
const stepVerbs =
  'calculate|compute|find|determine|multiply|add|subtract|divide|identify|understand|solve|convert|verify|simplify|evaluate|substitute|combine|figure|analy[sz]e|consider|define|let|plug|compare|conclude|set up|write|use|work|check'
const numbered = String.raw`\(?\d{1,3}\)?[.):]\s+\p{L}|\d{1,3}\s*(?:[-–—:]\s*)?(?:${stepVerbs})\b`
const named = String.raw`(?:step|part|question|problem|example|section|case|option|exercise)\s+(?:#\s*)?\(?\d`
const heading = new RegExp(String.raw`^(?:<\w+>)?[\s*_#>([-]*(?:${numbered}|${named})`, 'iu')
/** Words in capitals behind a small number, but for `18 Dollars per day`. */
const capitalized =
  /^[\s*_#(]*\d{1,3}\s+\p{Lu}\p{Ll}+\s+(?!(?:per|each|in|of|a|an|left|total|remaining|altogether|for|more)\b)\p{L}/u

/** Whether a line begins with the number of a step or a list, as in `2. Multiply the eggs`, `3) So`, `Step 2: …`. */
export function isNumbered(line: string): boolean {
  return heading.test(line)
}

/** Whether a marked line is the heading of a step, such as `2. Multiply the eggs` or `2 Second Step`, and no answer. */
export function isHeading(line: string): boolean {
  return isNumbered(line) || capitalized.test(line)
}

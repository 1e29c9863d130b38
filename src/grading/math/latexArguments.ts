/** Splitting LaTeX at the top level, where no bracket or brace is open. */

const openers = '([{'
const closers = ')]}'

/** Splits at the separators outside of every bracket. `separator` is sticky and tried at each position. */
export function splitTopLevel(text: string, separator: RegExp): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length;) {
    separator.lastIndex = i
    const match = depth === 0 ? separator.exec(text) : null
    if (match && match[0] !== '') {
      parts.push(text.slice(start, i))
      start = i += match[0].length
      continue
    }
    if (text[i] === '\\' && !'{}'.includes(text[i + 1] ?? '')) {
      i += 2
      continue
    }
    if (openers.includes(text[i]!)) depth++
    else if (closers.includes(text[i]!)) depth = Math.max(0, depth - 1)
    i++
  }
  parts.push(text.slice(start))
  return parts
}

/** How deep the brackets of a text are nested. */
export function nestingDepth(text: string): number {
  let depth = 0
  let deepest = 0
  for (const character of text) {
    if (openers.includes(character)) deepest = Math.max(deepest, ++depth)
    else if (closers.includes(character)) depth--
  }
  return deepest
}

/** Whether the bracket that begins a text is closed by its last character. */
export function isBracketed(text: string): boolean {
  if (!openers.includes(text[0] ?? 'x') || !closers.includes(text.at(-1)!)) return false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if (openers.includes(text[i]!)) depth++
    else if (closers.includes(text[i]!) && --depth === 0) return i === text.length - 1
  }
  return false
}

const commandWithArguments: Readonly<Record<string, number>> = { '\\frac': 2, '\\binom': 2, '\\sqrt': 1, '^': 1, _: 1 }

/** Puts the arguments of \frac, \binom, \sqrt, ^ and _ into braces: `\frac12` becomes `\frac{1}{2}`. */
export function braceArguments(latex: string): string {
  let result = ''
  for (let i = 0; i < latex.length;) {
    const command = latex[i] === '\\' ? /^\\(?:[A-Za-z]+|.|$)/s.exec(latex.slice(i, i + 30))![0] : latex[i]!
    result += command
    i += command.length
    let missing = commandWithArguments[command] ?? 0
    if (command === '\\sqrt' && latex[i] === '[') {
      const end = latex.indexOf(']', i)
      if (end > 0) {
        result += latex.slice(i, end + 1)
        i = end + 1
      }
    }
    for (; missing > 0; missing--) {
      while (latex[i] === ' ') i++
      // A braced argument is copied by the main loop, so that what is in it is braced too.
      if (i >= latex.length || latex[i] === '}') break
      if (latex[i] === '{') {
        const end = closingBrace(latex, i)
        if (end < 0) break
        result += `{${braceArguments(latex.slice(i + 1, end))}}`
        i = end + 1
        continue
      }
      const argument = latex[i] === '\\' ? /^\\(?:[A-Za-z]+|.|$)/s.exec(latex.slice(i, i + 30))![0] : latex[i]!
      result += `{${argument}}`
      i += argument.length
    }
  }
  return result
}

/** The position of the brace that closes the one at `open`; -1 if none does. */
export function closingBrace(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  return -1
}

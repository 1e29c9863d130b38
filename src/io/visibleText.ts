/**
 * A text of unknown origin, such as a model's, with everything that is not to be seen, or that would change how what follows is
 * shown, in a form that is: control characters and the escapes of terminals as `␛`, signs that turn the direction of a text or take no
 * room as `<U+202E>`. Line breaks and tabs stay; joiners stay, which some scripts and emoji need.
 */
export function visibleText(text: string): string {
  return text
    .replace(/\p{Cs}/gu, '\ufffd')
    .replace(/\r\n|[\u2028\u2029\u0085]/g, '\n')
    .replace(/(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}]/gu, (character) => {
      const code = character.codePointAt(0)!
      if (code < 0x20) return String.fromCodePoint(0x2400 + code)
      return code === 0x7f ? '␡' : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
    })
}

/** The same in one line. */
export function visibleLine(text: string): string {
  return visibleText(text.trim().replace(/\s+/g, ' '))
}

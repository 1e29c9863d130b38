/**
 * Brings the characters that people and models write numbers and formulas with to one way: ASCII digits, signs, blanks and
 * brackets, `^{2}` for ², `_{5}` for ₅, `\frac{1}{2}` for ½. Characters that cannot be seen go. Other characters stay. Takes time
 * linear in the length of the text.
 */
export function plainCharacters(text: string): string {
  if (!/[^\n\r\t -~]/.test(text)) return text
  return text.replace(slashed, fractionOf).replace(scripts, scriptOf).replace(special, plainOf)
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ'
const subscripts = '₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎'
const scriptCharacters = '0123456789+-=()n'
const scripts = new RegExp(`[${superscripts}]+|[${subscripts}]+`, 'g')

/** `²⁄₃` */
const slashed = new RegExp(`([${superscripts}]+)[⁄/]([${subscripts}]+)`, 'g')

function fractionOf(_: string, above: string, below: string): string {
  const plain = (run: string, from: string): string => run.replace(/./g, (one) => scriptCharacters[from.indexOf(one)]!)
  return `\\frac{${plain(above, superscripts)}}{${plain(below, subscripts)}}`
}

function scriptOf(run: string): string {
  const isRaised = superscripts.includes(run[0]!)
  const from = isRaised ? superscripts : subscripts
  return `${isRaised ? '^' : '_'}{${run.replace(/./g, (character) => scriptCharacters[from.indexOf(character)]!)}}`
}

const vulgarFractions: Readonly<Record<string, string>> = Object.fromEntries(
  '½12 ⅓13 ⅔23 ¼14 ¾34 ⅕15 ⅖25 ⅗35 ⅘45 ⅙16 ⅚56 ⅐17 ⅛18 ⅜38 ⅝58 ⅞78 ⅑19'
    .split(' ')
    .map(([character, above, below]) => [character!, `\\frac{${above!}}{${below!}}`]),
)

/** Characters that mean the same as others. */
const others: Readonly<Record<string, string>> = {
  '⅒': '\\frac{1}{10}',
  '⁄': '/',
  '∕': '/',
  '÷': '/',
  '∶': ':',
  '⋅': '·',
  '∙': '·',
  '∗': '*',
  '≅': '≈',
  '⩽': '≤',
  '⩾': '≥',
  '。': '.',
  '、': ',',
  '…': '...',
  '⋯': '...',
}

const special = new RegExp(
  String.raw`[\p{Cf}\p{Nd}\p{Zs}\u2028\u2029\p{Pd}−⁻﹣‘’ʼ′！-～${Object.keys({ ...vulgarFractions, ...others }).join('')}]`,
  'gu',
)

function plainOf(character: string): string {
  const known = others[character] ?? vulgarFractions[character]
  if (known !== undefined) return known
  if (character <= '~') return character
  if (/\p{Nd}/u.test(character)) return String(digitOf(character))
  if (/\p{Zs}/u.test(character)) return ' '
  if (/[\u2028\u2029]/.test(character)) return '\n'
  // The long dashes part a sentence; what follows one without a blank may have it as its sign.
  if (/[—―⸺⸻]/.test(character)) return '—'
  if (/[\p{Pd}−⁻﹣]/u.test(character)) return '-'
  if (/[‘’ʼ′]/.test(character)) return "'"
  if (/[！-～]/.test(character)) return String.fromCodePoint(character.codePointAt(0)! - 0xfee0)
  return ''
}

/** The digits of a script follow each other from 0 to 9, and no two scripts touch but by tens. */
function digitOf(character: string): number {
  const code = character.codePointAt(0)!
  let start = code
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--
  return (code - start) % 10
}

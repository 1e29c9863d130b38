import assert from 'node:assert/strict'
import fc from 'fast-check'
import { grade } from '../../../src/grading/number.js'
import { readNumber } from '../../../src/grading/answers/readNumber.js'
import { inWords } from './inWords.js'

/** Groups the digits of a whole number by a separator. */
function grouped(digits: string, separator: string, size = 3): string {
  const groups = [digits.slice(-3)]
  for (let end = digits.length - 3; end > 0; end -= size) groups.unshift(digits.slice(Math.max(0, end - size), end))
  return groups.join(separator)
}

/** Ways to write a whole number. */
const spellings: Readonly<Record<string, (digits: string) => string>> = {
  'as it is': (digits) => digits,
  'thousands commas': (digits) => grouped(digits, ','),
  blanks: (digits) => grouped(digits, ' '),
  'no-break blanks': (digits) => grouped(digits, '\u00a0'),
  'thin blanks': (digits) => grouped(digits, '\u2009'),
  'narrow no-break blanks': (digits) => grouped(digits, '\u202f'),
  apostrophes: (digits) => grouped(digits, "'"),
  'typographic apostrophes': (digits) => grouped(digits, '’'),
  'commas of LaTeX': (digits) => grouped(digits, '{,}'),
  'spaces of LaTeX': (digits) => grouped(digits, '\\,'),
  'commas and negative spaces of LaTeX': (digits) => grouped(digits, ',\\!'),
  tildes: (digits) => grouped(digits, '~'),
  lakhs: (digits) => grouped(digits, ',', 2),
  cents: (digits) => `${digits}.00`,
  'thousands commas and cents': (digits) => `${grouped(digits, ',')}.0`,
  'fullwidth digits': (digits) => digits.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  'Arabic-Indic digits': (digits) => digits.replace(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit))),
  'Devanagari digits': (digits) => digits.replace(/\d/g, (digit) => String.fromCodePoint(0x966 + Number(digit))),
  'bold digits': (digits) => digits.replace(/\d/g, (digit) => String.fromCodePoint(0x1d7ce + Number(digit))),
  words: (digits) => inWords(Number(digits)),
  'words in capitals': (digits) => inWords(Number(digits)).toUpperCase(),
  'a power of ten': (digits) => `${digits[0]!}.${digits.slice(1) || '0'} \\times 10^{${digits.length - 1}}`,
  'a superscript': (digits) =>
    `${digits[0]!}.${digits.slice(1) || '0'}×10${String(digits.length - 1).replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]!)}`,
  'an exponent': (digits) => `${digits[0]!}.${digits.slice(1) || '0'}e${digits.length - 1}`,
  'a fraction': (digits) => `${BigInt(digits) * 3n}/3`,
  'a fraction of LaTeX': (digits) => `\\frac{${BigInt(digits) * 2n}}{2}`,
  'a calculation': (digits) => `${BigInt(digits) - 1n} + 1 = ${digits}`,
}

/** What may stand around a number. */
const clothes: Readonly<Record<string, (number: string) => string>> = {
  nothing: (number) => number,
  emphasis: (number) => `**${number}**`,
  'a point': (number) => `${number}.`,
  'a zero-width space': (number) => `\u200b${number}`,
  'no-break blanks': (number) => `\u00a0${number}\u00a0`,
  plus: (number) => `+${number}`,
  'a unit': (number) => `${number} apples`,
  'a unit with a power': (number) => `${number} m^2`,
  'a unit with a superscript': (number) => `${number} cm³`,
  'a unit per another': (number) => `${number} dollars per day`,
  'a unit of LaTeX': (number) => `${number}\\text{ square feet}`,
  'per cent': (number) => `${number}%`,
  'per cent of LaTeX': (number) => `${number} \\%`,
  dollars: (number) => `$${number}`,
  'dollars of LaTeX': (number) => `\\$${number}`,
  euros: (number) => `${number} €`,
  'a code of currency': (number) => `USD ${number}`,
  'a box': (number) => `\\boxed{${number}}`,
  'a formula': (number) => `$${number}$`,
  'a formula in a line of its own': (number) => `\\[${number}\\]`,
  'a name': (number) => `x = ${number}`,
  'a label': (number) => `Total: ${number}`,
  'an announcement': (number) => `The answer is ${number}`,
  'a reason': (number) => `${number}, because 3 * 6 is 18`,
  'a reason in brackets': (number) => `${number} (since 3 * 6 = 18)`,
  'a remark': (number) => `${number} (rounded)`,
  approximately: (number) => `about ${number}`,
  'a sign of approximation': (number) => `≈ ${number}`,
}

/** Pairs that read otherwise: a calculation is no factor, words are no formula's, a code of currency is no word's. */
function goTogether(spelling: string, dress: string): boolean {
  if (spelling === 'a calculation') return !/^(?:plus|dollars|a unit|per|euros|a code)/.test(dress)
  if (spelling.startsWith('words')) return !/^(?:plus|a code|dollars|euros|per cent|a formula)/.test(dress)
  return true
}

const wholes = fc.integer({ min: 1, max: 99_999_999 }).map(String)

describe('readNumber, for any number', () => {
  for (const [spelling, spell] of Object.entries(spellings)) {
    it(`reads ${spelling}`, () => {
      fc.assert(
        fc.property(wholes, fc.constantFrom(...Object.entries(clothes)), (digits, [dress, wear]) => {
          fc.pre(goTogether(spelling, dress))
          const text = wear(spell(digits))
          assert.equal(readNumber(text), digits, `${dress}: ${text}`)
        }),
      )
    })
  }

  it('reads signs as dashes and in words', () => {
    const signs = ['-', '−', '–', '‐', '‑', '‒', '﹣', '－', '- ', 'minus ', 'negative ', 'Minus ', '-$', '$-', '\\$-']
    fc.assert(
      fc.property(wholes, fc.constantFrom(...signs), (digits, sign) => {
        assert.equal(readNumber(`${sign}${digits}`), `-${digits}`)
        assert.equal(readNumber(`${sign}${grouped(digits, ',')}`), `-${digits}`)
      }),
    )
  })

  it('reads decimals, fractions and mixed numbers', () => {
    const whole = fc.integer({ min: 1, max: 9999 })
    fc.assert(
      fc.property(whole, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 2, max: 99 }), (units, tenths, below) => {
        assert.equal(readNumber(`${units}.${tenths}`), `${units}.${tenths}`)
        assert.equal(readNumber(`${units}.${tenths}0 €`), `${units}.${tenths}`)
        assert.equal(readNumber(`${units},${tenths}0 €`), `${units}.${tenths}`)
        const above = below - 1
        const value = readNumber(`${units * below + above}/${below}`)
        for (const text of [
          `${units} ${above}/${below}`,
          `${units}\\frac{${above}}{${below}}`,
          `${units} \\tfrac{${above}}{${below}} cups`,
          `\\frac{${units * below + above}}{${below}}`,
          `$${units}\\dfrac{${above}}{${below}}$`,
        ])
          assert.equal(readNumber(text), value, text)
      }),
    )
  })

  it('reads scale words', () => {
    const scales = { hundred: 2, thousand: 3, million: 6, billion: 9, trillion: 12, k: 3, bn: 9 }
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999 }),
        fc.constantFrom(...Object.entries(scales)),
        (count, [word, zeros]) => {
          const value = String(BigInt(count) * 10n ** BigInt(zeros))
          assert.equal(readNumber(`${count} ${word}`), value)
          assert.equal(readNumber(`$${count} ${word} dollars`), value)
          if (/^\w{1,2}$/.test(word)) assert.equal(readNumber(`${count}${word}`), value)
        },
      ),
    )
  })
})

/** What a policy may write that is not the gold answer; `other` is another number. */
const wrong: Readonly<Record<string, (gold: string, other: string) => string>> = {
  'one more': (gold) => String(BigInt(gold) + 1n),
  'one less': (gold) => String(BigInt(gold) - 1n),
  'ten times as much': (gold) => `${gold}0`,
  'a tenth': (gold) => `0.${gold}`,
  'a little more': (gold) => `${gold}.0001`,
  negative: (gold) => `-${gold}`,
  'a digit more': (gold) => `1${gold}`,
  'the digits turned round': (gold) => Array.from(`${gold}1`).reverse().join(''),
  'this or that': (gold, other) => `${gold} or ${other}`,
  'that or this': (gold, other) => `${other} or ${gold}`,
  'this and that': (gold, other) => `${gold} and ${other}`,
  'that and this': (gold, other) => `${other} and ${gold}`,
  'a list': (gold, other) => `${gold}, ${other}`,
  'a list with the right one last': (gold, other) => `${other}, ${gold}`,
  'a set': (gold, other) => `{${other}, ${gold}}`,
  'a set of LaTeX': (gold, other) => `$\\{${gold}, ${other}\\}$`,
  'an alternative in brackets': (gold, other) => `${gold} (or ${other})`,
  'a guess in brackets': (gold, other) => `${other} (maybe ${gold})`,
  'both in brackets': (gold, other) => `${gold} (${other})`,
  'with more or less': (gold) => `${gold} \\pm 1`,
  'a range': (gold, other) => `${other}-${gold}`,
  'a range with a dash': (gold, other) => `${gold}–${other}`,
  'a range in words': (gold, other) => `${gold} to ${other}`,
  between: (gold, other) => `between ${other} and ${gold}`,
  'a ratio': (gold, other) => `${gold}:${other}`,
  'a false equation': (gold, other) => `${gold} = ${other}`,
  'a calculation that is not done': (gold, other) => `${other} + ${gold}`,
  'a product that is not done': (gold, other) => `${other} \\times ${gold}`,
  'the exponent': (gold, other) => `${other}0^${gold}`,
  'the exponent of a unit': (gold, other) => `${other} m^${gold}`,
  'the exponent of a unit of LaTeX': (gold, other) => `${other} \\text{ cm}^{${gold}}`,
  'the exponent of a variable': (gold) => `x^{${gold}}`,
  'the index of a variable': (gold) => `x_{${gold}}`,
  'under a root': (gold) => `\\sqrt{${gold}}`,
  'before a root': (gold) => `${gold}\\sqrt{2}`,
  'a multiple of pi': (gold) => `${gold}\\pi`,
  'a multiple of x': (gold) => `${gold}x`,
  'a numerator': (gold) => `\\frac{${gold}}{1${gold}}`,
  'a denominator': (gold) => `\\frac{1${gold}}{${gold}}`,
  'the whole part of a mixed number': (gold) => `${gold} 1/2`,
  'the whole part of a mixed number of LaTeX': (gold) => `${gold}\\frac{1}{2}`,
  'the first group of digits': (gold) => `${gold}{,}250`,
  'the last group of digits': (gold) => `1\\,${gold.padStart(3, '1')}`,
  'so many hundreds': (gold) => `${gold} hundred`,
  'so many thousands': (gold) => `${gold} thousand dollars`,
  'so many millions': (gold) => `${gold} million`,
  'k behind it': (gold) => `${gold}k`,
  'as a time': (gold) => `${gold}:30 pm`,
  'a heading': (gold) => `${gold}. Multiply the eggs`,
  'a heading in words': (gold) => `Step ${gold}: Multiply`,
  denied: (gold) => `not ${gold}`,
  'with a condition': (gold, other) => `${gold} if it rains, else ${other}`,
  'in feet and inches': (gold, other) => `${gold} feet ${other} inches`,
  'with a letter': (gold) => `a${gold}`,
}

describe('grade, for any number', () => {
  const problem = { id: 'any', question: '' }
  for (const [name, write] of Object.entries(wrong)) {
    it(`pays nothing for ${name}`, () => {
      const pairs = fc.tuple(fc.integer({ min: 2, max: 99 }), fc.integer({ min: 2, max: 99 }))
      fc.assert(
        fc.property(pairs, ([gold, other]) => {
          // 2 feet 2 inches, 2 or 2 …
          fc.pre(gold !== other && gold % other !== 0)
          const answer = String(gold)
          const text = write(answer, String(other))
          const isHeading = name.includes('heading')
          const forms = [`#### ${text}`, `<answer>${text}</answer>`, text]
          for (const completion of isHeading ? forms : [...forms, `The answer is ${text}.`]) {
            const verdict = grade(completion, { ...problem, answer })
            assert.deepEqual([verdict.correct, verdict.correctLenient], [false, false], completion)
          }
        }),
      )
    })
  }
})

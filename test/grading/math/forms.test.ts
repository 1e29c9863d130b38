import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mathEqual } from '../../../src/grading/math/mathEqual.js'
import { differentPairs, equalPairs } from './pairs.js'

describe('mathEqual on what models box', () => {
  it('takes every usual way to write an answer', () => {
    const refused = equalPairs.filter(([answer, gold]) => !mathEqual(answer, gold))
    assert.deepEqual(refused, [])
  })

  it('refuses what is another answer, several, or none', () => {
    const taken = differentPairs.filter(([answer, gold]) => mathEqual(answer, gold))
    assert.deepEqual(taken, [])
  })
})

const positive = fc.integer({ min: 1, max: 99 })
const integer = fc.integer({ min: -30, max: 30 })

/** `3x^2 - 2x + 1`, terms from the coefficient of the lowest power on, in some order. */
function polynomial(coefficients: readonly number[], order: readonly number[], variable = 'x'): string {
  const terms = order.flatMap((power) => {
    const coefficient = coefficients[power]!
    return coefficient === 0 ? [] : [`${coefficient < 0 ? '-' : '+'}${Math.abs(coefficient)}${variable}^{${power}}`]
  })
  return terms.length === 0 ? '0' : terms.join(' ')
}

describe('mathEqual, for any numbers', () => {
  it('knows a fraction in every form, and no other one', () => {
    fc.assert(
      fc.property(positive, positive, positive, (above, below, factor) => {
        const gold = `\\frac{${above}}{${below}}`
        const right = [
          `\\dfrac{${above * factor}}{${below * factor}}`,
          `${above}/${below}`,
          `-\\frac{${-above}}{${below}}`,
          `\\left(\\frac{${below}}{${above}}\\right)^{-1}`,
          `\\frac{${above}\\sqrt{${factor}}}{${below}\\sqrt{${factor}}}`,
          `x = \\frac{${above}}{${below}}`,
          `\\frac{${above}}{${below}}\\text{ m}^2`,
          `\\frac{${above * factor}}{${below * factor}} = \\frac{${above}}{${below}}`,
        ]
        for (const answer of right) assert.ok(mathEqual(answer, gold), `${answer} | ${gold}`)
        const wrong = [
          `\\frac{${above + 1}}{${below}}`,
          `-\\frac{${above}}{${below}}`,
          `\\frac{${above}}{${below}} + 10^{-30}`,
          `\\frac{${above}}{${below}}, \\frac{${above + 1}}{${below}}`,
          `\\frac{${above}}{${below}} = \\frac{${above + 1}}{${below}}`,
          `\\frac{${above}}{${below}} \\text{ or } ${above + below}`,
          `\\frac{${above}}{${below}} \\pm 1`,
          `\\frac{${above}}{${below}}x`,
        ]
        for (const answer of wrong) assert.ok(!mathEqual(answer, gold), `${answer} | ${gold}`)
      }),
    )
  })

  it('tells small values from each other and from 0', () => {
    const values = [
      (n: number) => `\\frac{1}{2^{${n}}}`,
      (n: number) => `10^{-${n}}`,
      (n: number) => `e^{-${n}}`,
      (n: number) => `\\frac{1}{${n}!}`,
      (n: number) => `\\frac{\\pi}{3^{${n}}}`,
      (n: number) => `\\left(\\frac{2}{7}\\right)^{${n}}`,
      (n: number) => `\\sin 10^{-${n}}`,
    ]
    fc.assert(
      fc.property(fc.constantFrom(...values), fc.integer({ min: 20, max: 400 }), (write, n) => {
        assert.ok(mathEqual(`1 \\cdot ${write(n)}`, write(n)))
        for (const other of ['0', write(n + 1), `2 \\cdot ${write(n)}`, `-${write(n)}`, '0.000000000', '10^{-30}'])
          assert.ok(other === write(n) || !mathEqual(other, write(n)), `${other} | ${write(n)}`)
      }),
      { numRuns: 60 },
    )
  })

  it('tells large values from each other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 1500 }), (n) => {
        assert.ok(mathEqual(`${n} \\cdot ${n - 1}!`, `${n}!`))
        assert.ok(!mathEqual(`${n}! + 1`, `${n}!`))
        assert.ok(mathEqual(`2 \\cdot 2^{${n - 1}}`, `2^{${n}}`))
        assert.ok(!mathEqual(`2^{${n}} - 1`, `2^{${n}}`))
        assert.ok(mathEqual(`\\binom{${n}}{3}`, `\\frac{${n}(${n - 1})(${n - 2})}{6}`))
        // Too large to be exact.
        assert.ok(mathEqual(`\\frac{${n * 1000}!}{${n * 1000 - 1}!}`, String(n * 1000)))
        assert.ok(!mathEqual(`\\frac{${n * 1000}!}{${n * 1000 - 1}!}`, String(n * 1000 + 1)))
      }),
      { numRuns: 20 },
    )
  })

  it('knows a polynomial in any order, expanded or not, and no other one', () => {
    const coefficients = fc.array(integer, { minLength: 3, maxLength: 5 })
    fc.assert(
      fc.property(coefficients, fc.integer(), integer, integer, (list, seed, a, b) => {
        const order = list.map((_, power) => power)
        const shuffled = order.toSorted((x, y) => ((x * 7919 + seed) % 13) - ((y * 7919 + seed) % 13))
        const gold = polynomial(list, order)
        assert.ok(mathEqual(polynomial(list, shuffled), gold), `${polynomial(list, shuffled)} | ${gold}`)
        const changed = list.with(1, list[1]! + 1)
        assert.ok(!mathEqual(polynomial(changed, shuffled), gold))
        if (list.some((coefficient, power) => power > 0 && coefficient !== 0))
          assert.ok(!mathEqual(polynomial(list, order, 'y'), gold))
        const product = polynomial([-a * b, a - b, 1], [2, 1, 0])
        assert.ok(mathEqual(`(x + (${a}))(x - (${b}))`, product), product)
      }),
    )
  })

  it('knows an equation by its multiples, and no other one', () => {
    fc.assert(
      fc.property(integer, positive, positive, fc.integer({ min: 2, max: 9 }), (c, a, b, factor) => {
        const gold = `${a}x + ${b}y = ${c}`
        const right = [
          `${a * factor}x + ${b * factor}y = ${c * factor}`,
          `${b}y + ${a}x - (${c}) = 0`,
          `-${a}x - ${b}y = ${-c}`,
          `${c} = ${a}x + ${b}y`,
          `y = -\\frac{${a}}{${b}}x + \\frac{${c}}{${b}}`,
          `x = \\frac{${c} - ${b}y}{${a}}`,
        ]
        for (const answer of right) assert.ok(mathEqual(answer, gold), `${answer} | ${gold}`)
        const wrong = [`${a}x + ${b}y = ${c + 1}`, `${a + 1}x + ${b}y = ${c}`, `${a}x - ${b}y = ${c}`, `${c}`, '0 = 0']
        for (const answer of wrong) assert.ok(!mathEqual(answer, gold), `${answer} | ${gold}`)
      }),
      { numRuns: 50 },
    )
  })

  it('compares names, points, intervals and sets by their order where it counts', () => {
    fc.assert(
      fc.property(integer, integer, (a, b) => {
        fc.pre(a !== b)
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const right = [
          [`b = ${b}, a = ${a}`, `a = ${a}, b = ${b}`],
          [`x = ${a} \\text{ or } x = ${b}`, `${b}, ${a}`],
          [`\\{${a}, ${b}\\}`, `${b} \\text{ and } ${a}`],
          [`(x, y) = (${a}, ${b})`, `(${a}, ${b})`],
          [`y = ${b}, x = ${a}`, `(${a}, ${b})`],
          [`${low} < x \\le ${high}`, `(${low}, ${high}]`],
          [`\\{x \\mid ${low} \\le x < ${high}\\}`, `[${low}, ${high})`],
          [`x < ${low} \\text{ or } x > ${high}`, `(${high}, \\infty) \\cup (-\\infty, ${low})`],
          [
            `\\mathbb{R} \\setminus \\{${b}, ${a}\\}`,
            `(-\\infty, ${low}) \\cup (${low}, ${high}) \\cup (${high}, \\infty)`,
          ],
          [`x \\ne ${a}, ${b}`, `\\mathbb{R} \\setminus \\{${a}, ${b}\\}`],
          [`\\begin{pmatrix} ${a} \\\\ ${b} \\end{pmatrix}`, `\\begin{bmatrix} ${a} \\\\ ${b} \\end{bmatrix}`],
        ] as const
        for (const [answer, gold] of right) assert.ok(mathEqual(answer, gold), `${answer} | ${gold}`)
        const wrong = [
          [`a = ${b}, b = ${a}`, `a = ${a}, b = ${b}`],
          [`x = ${b}, y = ${a}`, `(${a}, ${b})`],
          [`(${b}, ${a})`, `(${a}, ${b})`],
          [`${a}`, `${a}, ${b}`],
          [`${a}, ${b}`, `${a}`],
          [`[${low}, ${high}]`, `(${low}, ${high}]`],
          [`x > ${low}`, `(${low}, ${high})`],
          [`\\mathbb{R} \\setminus \\{${a}\\}`, `\\mathbb{R} \\setminus \\{${a}, ${b}\\}`],
          [`y = ${a}`, `x = ${a}`],
        ] as const
        for (const [answer, gold] of wrong) assert.ok(!mathEqual(answer, gold), `${answer} | ${gold}`)
      }),
      { numRuns: 50 },
    )
  })

  it('measures angles in degrees where they are given so', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 89 }), (angle) => {
        assert.ok(mathEqual(`\\sin ${angle}^\\circ`, `\\cos ${90 - angle}^\\circ`))
        assert.ok(mathEqual(`\\tan ${angle}^{\\circ}`, `\\frac{1}{\\tan(${90 - angle}°)}`))
        assert.ok(mathEqual(`\\sin\\frac{${angle}\\pi}{180}`, `\\sin ${angle}^\\circ`))
        assert.ok(!mathEqual(`\\sin ${angle}`, `\\sin ${angle}^\\circ`))
        assert.ok(mathEqual(`${angle}^\\circ`, String(angle)))
        assert.ok(!mathEqual(`${angle}\\text{ radians}`, `${angle}^\\circ`))
      }),
      { numRuns: 30 },
    )
  })
})

describe('mathEqual on hostile answers', () => {
  const repeated = (text: string, count: number): string => text.repeat(count)
  const hostile: Readonly<Record<string, string>> = {
    'a tower of powers': '9^{9^{9^{9}}}',
    'a power of a power': '(9^9)^{9^9}',
    'the factorial of a power': '10^{400}!',
    'factorials of factorials': '((3000!)!)!',
    'many factorials': `${repeated('2999! + ', 300)}1`,
    'fractions of factorials': repeated('+\\frac{2998! + 3}{2997! + 5}', 50),
    'sums of sums': '\\sum_{i=1}^{2000} \\sum_{j=1}^{2000} \\sin ij',
    'a product of large powers': '\\prod_{k=1}^{2000} (k^{50} + 1)',
    'a large binomial coefficient': '\\binom{10^{30}}{2999}',
    'powers of a large fraction': '(\\frac{123456789}{987654321})^{4000}',
    'exponentials of exponentials': 'e^{e^{e^{e^e}}}',
    'the sine of a large number': '\\sin(10^{400})',
    'nested functions': `${repeated('\\sin(', 45)}1${repeated(')', 45)}`,
    'nested roots': `${repeated('\\sqrt{1+', 45)}2${repeated('}', 45)}`,
    'nested brackets': `${repeated('(', 1900)}1${repeated(')', 1900)}`,
    'nested fractions': `${repeated('\\frac{1}{1+', 45)}x${repeated('}', 45)}`,
    'open braces': repeated('{', 3900),
    'many signs': `${repeated('\\pm 1 +', 300)}1`,
    'a long list': `${repeated('1,', 1900)}1`,
    'a list of numbers that take time': Array.from({ length: 100 }, (_, i) => `\\sqrt{${i}}+\\sin ${i}`).join(),
    'a wide matrix': `\\begin{pmatrix}${repeated('1 & ', 900)}1\\end{pmatrix}`,
    'many bars': `${repeated('|', 999)}x${repeated('|', 999)}`,
    'a million digits': repeated('9', 1_000_000),
    'a megabyte of backslashes': repeated('\\', 1_000_000),
    'a high power of a sum': '(x + y + z + w)^{500}',
    'logarithms with variables': '\\log_{x}(x^{x^{x}})',
    'division by zero': '\\frac{1}{0}',
    'nothing defined': '\\frac{0}{0} + \\infty - \\infty',
  }
  const golds = ['18', '0', '1', '\\sqrt{2} + 1', 'x^2 + 1', '\\{1, 2\\}', '\\sum_{k=1}^{100} \\sqrt{k}', '2x + 3y = 5']
  for (const [name, answer] of Object.entries(hostile)) {
    it(`${name}: ends, and is no answer`, () => {
      for (const gold of golds) assert.equal(mathEqual(answer, gold), false, gold)
    })
  }

  it('never fails, whatever the signs', () => {
    const pieces = [
      '1',
      '2.5',
      'x',
      'i',
      '\\pi',
      '\\frac',
      '\\sqrt',
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      '|',
      '^',
      '_',
      '!',
      '+',
      '-',
    ]
    const more = [
      '*',
      '/',
      '=',
      '<',
      ',',
      ':',
      '%',
      '$',
      '\\{',
      '\\}',
      '\\text{ cm}',
      '\\text{',
      '\\pm',
      '\\infty',
      '\\cup',
    ]
    const most = [
      '\\in',
      '\\sum',
      '\\binom',
      '\\sin',
      '\\log',
      '\\begin{pmatrix}',
      '\\end{pmatrix}',
      '\\\\',
      '&',
      '^\\circ',
      ' ',
    ]
    const words = [
      '\\mid',
      '\\ldots',
      '\\overline',
      'apples',
      ' million ',
      ' or ',
      ' and ',
      '½',
      '²',
      '—',
      '٣',
      '\\lfloor',
      'gcd(',
    ]
    const text = fc.array(fc.constantFrom(...pieces, ...more, ...most, ...words), { maxLength: 25 })
    fc.assert(
      fc.property(text, text, (left, right) => {
        const [answer, gold] = [left.join(''), right.join('')]
        assert.equal(typeof mathEqual(answer, gold), 'boolean')
        assert.equal(mathEqual(answer, '123456789'), false, answer)
      }),
      { numRuns: 500 },
    )
  })
})

import assert from 'node:assert/strict'
import { z } from 'zod'
import { ConfigError } from '../../src/errors.js'
import { describeOptions } from '../../src/options/describe.js'
import { option, parseOptions } from '../../src/options/schema.js'

const schema = z.strictObject({
  name: z.string().min(1).describe('What it is called.'),
  topP: option(z.number().positive().max(1), 1, 'Share.'),
  count: option(z.int().positive().nullable(), null, 'How many; null = all.'),
  kind: option(z.enum(['one', 'two']), 'one', 'Which.'),
  parts: option(z.array(z.string().min(1)).min(1), ['a'], 'Parts.'),
  isOn: option(z.boolean(), false, 'Whether.'),
  either: z.union([z.int(), z.boolean()]).optional(),
  inner: z.strictObject({ low: z.number().lt(1) }).optional(),
})

function messageOf(input: Record<string, unknown>, flags: Record<string, unknown> = {}): string {
  try {
    parseOptions('test', schema, { name: 'x', ...input }, { flags })
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  assert.fail(`${JSON.stringify(input)} was accepted`)
}

describe('options/schema', () => {
  it('takes names by either spelling, fills in defaults, and lets flags take the place of both', () => {
    const whole = { name: 'x', topP: 0.5, count: null, kind: 'one', parts: ['a'], isOn: false }
    assert.deepEqual(parseOptions('test', schema, { name: 'x', top_p: 0.5 }), whole)
    assert.deepEqual(parseOptions('test', schema, { name: 'x', top_p: 2 }, { flags: { topP: 0.5 } }), whole)
  })

  it('says in words what was expected and what was got', () => {
    const cases: [Record<string, unknown>, string][] = [
      [{ name: 3 }, 'name: expected a text, got 3. What it is called.'],
      [{ name: '' }, "name: expected a text that is not empty, got ''. What it is called."],
      [{ topP: 0 }, 'topP: expected a number above 0, got 0. Share. Defaults to 1.'],
      [{ topP: 2 }, 'topP: expected a number of at most 1, got 2. Share. Defaults to 1.'],
      [{ topP: NaN }, 'topP: expected a number, got NaN. Share. Defaults to 1.'],
      [{ topP: null }, 'topP: expected a number, got null. Share. Defaults to 1.'],
      [{ count: 2.5 }, 'count: expected a whole number, got 2.5. How many; null = all. Defaults to null.'],
      [{ count: '2' }, "count: expected a number, got '2'. How many; null = all. Defaults to null."],
      [{ kind: 'three' }, `kind: expected one of one, two, got 'three'. Which. Defaults to "one".`],
      [{ parts: [] }, 'parts: expected a list of at least 1, got []. Parts. Defaults to ["a"].'],
      [{ parts: 'a' }, `parts: expected a list, got 'a'. Parts. Defaults to ["a"].`],
      [{ parts: ['a', 1] }, 'parts.1: expected a text, got 1. Parts. Defaults to ["a"].'],
      [{ isOn: 'yes' }, "isOn: expected true or false, got 'yes'. Whether. Defaults to false."],
      [{ either: 'x' }, "either: expected a number, or true or false, got 'x'."],
      [{ inner: { low: 1 } }, 'inner.low: expected a number below 1, got 1.'],
      [{ inner: 1 }, 'inner: expected values by their names, as { name: value }, got 1.'],
      [{ inner: { low: 0, hi: 1 } }, 'inner: there is no hi in it, got { low: 0, hi: 1 }.'],
    ]
    for (const [input, expected] of cases) assert.equal(messageOf(input), `options of test:\n  ${expected}`)
  })

  it('tells all problems at once, those of flags by the names of the flags', () => {
    assert.deepEqual(messageOf({ name: undefined, topp: 1, top_p: 0, count: 1 }, { count: 0 }).split('\n'), [
      'options of test:',
      '  unknown option topp; did you mean topP?',
      '  name is missing. What it is called.',
      '  topP: expected a number above 0, got 0. Share. Defaults to 1.',
      '  --count: expected a number above 0, got 0. How many; null = all. Defaults to null.',
    ])
  })

  it('describes options for help texts', () => {
    const [name, , count, kind] = describeOptions(schema.shape)
    assert.deepEqual(
      [name!.description, name!.choices, kind!.choices],
      ['What it is called. Required.', null, ['one', 'two']],
    )
    assert.deepEqual(
      count!.alternatives.map(({ type }) => type),
      ['integer', 'null'],
    )
  })
})

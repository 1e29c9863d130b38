import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { parse } from 'yaml'
import { stringifyForPyYaml } from '../../src/export/pyYaml.js'
import { pythonWith } from '../python.js'

/** What YAML 1.1, or PyYAML alone, reads otherwise than it is meant. */
const traps = {
  texts: [
    'no',
    'off',
    'y',
    'Yes',
    'null',
    '~',
    '',
    '=',
    '<<',
    '1_000',
    '0o17',
    '012',
    '12:30:45',
    '2026-01-01',
    '1e3',
    '.5',
    '!tag',
    '- a',
    '# b',
  ],
  hostile: ['a: b\n  c', ' two  spaces ', '\ttab', 'quote\'s " and \\', 'del \u007f, nel \u0085, line \u2028', '😀 é'],
  numbers: [0, -1, 0.1, 1e-7, 1.5e-9, -2e-8, 1e21, 123456789],
  others: [true, false, null],
  nested: { deeper: { 'power of': 1e-8, list: [] } },
}

describe('YAML for PyYAML', () => {
  it('is read as it was written, by YAML 1.1', () => {
    assert.deepEqual(parse(stringifyForPyYaml(traps), { version: '1.1' }), traps)
  })

  it('quotes every text and writes numbers with a point before an exponent', () => {
    const text = stringifyForPyYaml({ strategy: 'no', rate: 1e-7, half: 1.5e-9 })
    assert.equal(text, 'strategy: "no"\nrate: 1.0e-7\nhalf: 1.5e-9\n')
  })

  it('is read by PyYAML', function () {
    const python = pythonWith(this, 'yaml')
    const program = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer.read())))'
    const { stdout, stderr } = spawnSync(python, ['-c', program], {
      input: stringifyForPyYaml(traps),
      encoding: 'utf8',
    })
    assert.deepEqual(JSON.parse(stdout === '' ? stderr : stdout), traps)
  })
})

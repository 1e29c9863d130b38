import assert from 'node:assert/strict'
import { parseYaml } from '../../src/io/yaml.js'

describe('parseYaml', () => {
  it('reads YAML', () => {
    assert.deepEqual(parseYaml('a: 1\nb: [x, *y]\n'.replace(', *y', '')), { a: 1, b: ['x'] })
    assert.equal(parseYaml('# nothing'), null)
  })

  it('refuses what is not YAML, aliases that multiply, and what is too deep or too large', () => {
    const laughs = ['a0: &a0 [x, x]', ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`)]
    assert.throws(() => parseYaml(laughs.join('\n')), /is not valid YAML: Excessive alias count/)
    assert.throws(() => parseYaml('a: [1'), /is not valid YAML/)
    assert.throws(() => parseYaml('['.repeat(100_000)), /is not valid YAML/)
    assert.throws(() => parseYaml('a'.repeat(1_000_001)), /has 1000001 characters/)
  })
})

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
    for (const deep of ['['.repeat(100_000), '{"a":'.repeat(100_000), '- '.repeat(100_000)]) {
      assert.throws(() => parseYaml(deep), /is not valid YAML: it is nested more than 1000 deep/)
    }
    assert.throws(() => parseYaml('a: &a [*a]'), /is not valid YAML: an alias stands within what it names/)
    assert.equal((parseYaml(`[${'[], '.repeat(2000)}]`) as unknown[]).length, 2000)
    assert.throws(() => parseYaml('a'.repeat(1_000_001)), /has 1000001 characters/)
  })
})

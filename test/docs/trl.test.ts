import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { grpoOptions } from '../../src/grpo/config/config.js'
import { withPolicy } from '../grpo/tinyTask.js'
import { pythonWith } from '../python.js'

const read = (name: string): string => fs.readFileSync(path.resolve(import.meta.dirname, '../../docs', name), 'utf8')

describe('docs/trl.md and docs/metrics.md', () => {
  /** The rows of all tables of trl.md: first and second cell. */
  const rows = read('trl.md')
    .split('\n')
    .flatMap((line) => {
      const cells = line.split('|').map((cell) => cell.trim().replaceAll('`', ''))
      return line.startsWith('| `') ? [[cells[1]!, cells[2]!] as const] : []
    })

  it('have every option', () => {
    for (const { name, trlName } of grpoOptions()) {
      const found = rows.filter(([first, second]) => (first === trlName && second === name) || first === name)
      assert.equal(found.length, 1, `${name} is in ${found.length} rows of docs/trl.md`)
    }
    const known = new Set(grpoOptions().map(({ name }) => name))
    const options = rows.slice(
      0,
      rows.findIndex(([first]) => first.startsWith('loss, grad_norm')),
    )
    for (const [trlName, name] of options) {
      assert.ok(name.includes(' ') || known.has(name) || known.has(trlName), `docs/trl.md has the option ${name}`)
    }
  })

  it("have every one of TRL's options", function () {
    const python = pythonWith(this, 'trl', 'transformers')
    const program =
      'import ast, importlib.util as u, pathlib as p\n' +
      'def names(package, *file):\n' +
      '  tree = ast.parse(p.Path(u.find_spec(package).origin).parent.joinpath(*file).read_text())\n' +
      '  want = ("GRPOConfig", "_BaseConfig", "TrainingArguments")\n' +
      '  return [f.target.id for c in tree.body if isinstance(c, ast.ClassDef) and c.name in want for f in c.body if isinstance(f, ast.AnnAssign)]\n' +
      'print("\\n".join(names("trl", "trainer", "grpo_config.py") + names("transformers", "training_args.py")))\n'
    const { status, stdout, stderr } = spawnSync(python, ['-c', program], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const names = stdout
      .trim()
      .split('\n')
      .filter((name) => !name.startsWith('_'))
    assert.ok(names.length > 150)
    const listed = new Set(rows.map(([first]) => first))
    assert.deepEqual(
      names.filter((name) => !listed.has(name)),
      [],
    )
  })

  it('have every metric of a step', async () => {
    await selectEngine('cpu')
    const text = read('metrics.md')
    await withPolicy(async ({ trainerOf }) => {
      const [step] = await trainerOf({}, { maxSteps: 1, beta: 0.1, entropyCoef: 0.01 }).train()
      for (const name of Object.keys(step!.metrics)) {
        const general = name.replace(/^rewards\/\w+\//, 'rewards/{function}/')
        const [, prefix, last] = /^(.*?)([^/]+)$/.exec(general)!
        const isListed =
          text.includes(`\`${general}\``) ||
          (text.includes(`\`${prefix!}`) && (text.includes(`\`/${last!}\``) || text.includes(`\`${last!}\``))) ||
          text.includes(`\`${prefix!}…\``) ||
          /^(min|max)_terminated/.test(last!) ||
          prefix === 'grad_norm/'
        assert.ok(isListed, `docs/metrics.md does not explain ${name}`)
      }
    })
  })
})

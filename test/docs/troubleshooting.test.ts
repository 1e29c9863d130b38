import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { foldersOf, readTroubles, withMeasured } from '../../bench/troubles/page.js'
import { describeMeasured } from '../../bench/troubles/measured.js'
import type { CommandsResult } from '../../bench/troubles/run.js'
import { runOptions } from '../../src/cli/quickstart/settings.js'
import { parseTrainConfig } from '../../src/grpo/config/trainConfig.js'
import { readConfigFile } from '../../src/run/configFile.js'

const root = path.resolve(import.meta.dirname, '../..')
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8')

/** The names of all findings, from the type that has them. */
const [, union] = /type FindingName =\n([^]*?)\n\n/.exec(read('src/grpo/diagnosis/finding.ts'))!
const findings = [...union!.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, name]) => name!)

describe('docs/troubleshooting.md', () => {
  const page = read('docs/troubleshooting.md')
  const { troubles } = readTroubles(page)

  it('leads from every finding of the diagnosis to what it looks like', () => {
    assert.ok(findings.length >= 18)
    const table = page.split('\n').filter((line) => /^\| .*\]\(#[\w-]+\) \|/.test(line))
    const named = table.flatMap((line) =>
      [
        ...line
          .split('|')
          .at(-2)!
          .matchAll(/`(\w+)`/g),
      ].map(([, name]) => name!),
    )
    assert.deepEqual(named.toSorted(), findings.toSorted())
  })

  it('provokes findings that there are, and has what came of each', () => {
    assert.ok(troubles.length >= 12)
    for (const { provokes, shows, measured } of troubles) {
      if (provokes === 'refused') {
        assert.match(measured, /^> error: this run needs /m)
        continue
      }
      assert.ok(findings.includes(provokes), `${provokes} is no finding`)
      assert.ok(
        measured.includes(`: ${provokes.replaceAll('_', ' ')}`),
        `what the diagnosis said of ${provokes} is missing: npm run bench:troubles -- --only ${provokes}`,
      )
      for (const metric of shows) {
        assert.ok(measured.includes(`| \`${metric}\` |`), `${provokes}: no row for ${metric}`)
        const general = metric.replace(/^rewards\/\w+\//, 'rewards/{function}/')
        const isKnown = metric.startsWith('eval_') || read('docs/metrics.md').includes(general.replace(/\/\w+$/, ''))
        assert.ok(isKnown, `docs/metrics.md has no ${metric}`)
      }
    }
  })

  it('takes its options from a file that trains the embedded model, and names no other', () => {
    const { run } = parseTrainConfig(readConfigFile(path.join(root, 'examples/small-run.yaml')))
    assert.equal(run.model, runOptions.model)
    for (const [name] of page.matchAll(/word-problems-\d+m/g)) assert.equal(name, runOptions.model)
  })
})

describe('bench/troubles/page', () => {
  const block = (name: string, measured: string): string =>
    `<!-- provokes: ${name}; shows: reward, entropy -->\n\`\`\`sh\nbad\n\`\`\`\n<!-- cured -->\n\`\`\`sh\ngood\n\`\`\`\n<!-- measured -->\n${measured}<!-- end -->\n`
  const text = `<!-- prepares -->\n\`\`\`sh\nfirst\n\`\`\`\n${block('one', 'old $& text\n')}between\n${block('two', '')}`

  it('reads commands, and writes what came of one into its place', () => {
    const { prepare, troubles } = readTroubles(text)
    assert.equal(prepare, 'first\n')
    assert.deepEqual(troubles[0], {
      provokes: 'one',
      shows: ['reward', 'entropy'],
      provoke: 'bad\n',
      cure: 'good\n',
      measured: 'old $& text\n',
    })
    const changed = readTroubles(withMeasured(text, 1, 'new $& text\n')).troubles
    assert.deepEqual(
      changed.map(({ measured }) => measured),
      ['old $& text\n', 'new $& text\n'],
    )
  })

  it('replaces the folders that commands make, and no others', () => {
    assert.deepEqual(foldersOf('a --output-dir runs/x/one\nb --output runs/two-b\n'), ['runs/x/one', 'runs/two-b'])
    for (const other of ['train', 'train --output-dir src', 'train --output-dir runs/../src', '--output-dir /work']) {
      assert.throws(() => foldersOf(other), /should name folders in runs\//, other)
    }
  })

  it('refuses marks that do not go together', () => {
    assert.throws(() => readTroubles(text.replace('<!-- cured -->', '')), /2 marks .* and 1 of them/)
    assert.throws(() => readTroubles('nothing'), /0 marks .*missing/)
  })
})

describe('bench/troubles/measured', () => {
  const trouble = { provokes: 'all_wrong', shows: ['reward'], provoke: '', cure: '', measured: '' }
  const good: CommandsResult = { status: 0, error: null, findings: [], metrics: [{ reward: 0.25 }, { reward: 0.75 }] }
  const finding = {
    step: 3,
    name: 'all_wrong',
    subject: null,
    severity: 'error',
    message: 'm',
    advice: 'a',
    state: 'started',
  }
  const bad: CommandsResult = { ...good, findings: [finding], metrics: [{ reward: 0 }, { reward: 0.001 }] }

  it('tells what the diagnosis said and how the metrics went', () => {
    const text = describeMeasured(trouble, bad, { ...good, findings: [{ ...finding, name: 'all_right' }] })
    assert.match(text, /After step 3:\n\n> error: all wrong: m. Try: a\n/)
    assert.match(text, /\| `reward` \| 0.00 → 1e-3 \| 0.25 → 0.75 \|/)
    assert.match(text, /the diagnosis said `all_right`\./)
  })

  it('throws where it is otherwise than the page claims', () => {
    assert.throws(() => describeMeasured(trouble, good, good), /did not say so, but nothing/)
    assert.throws(() => describeMeasured(trouble, bad, bad), /of the cure, too/)
    assert.throws(() => describeMeasured(trouble, { ...bad, status: 1, error: 'e' }, good), /ended with 1: e/)
    assert.throws(() => describeMeasured(trouble, bad, { ...good, status: 1 }), /the cure ended with 1/)
    assert.throws(() => describeMeasured({ ...trouble, provokes: 'refused' }, good, good), /not refused/)
  })
})

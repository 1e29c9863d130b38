import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { DataError } from '../../src/errors.js'
import type { ReportData } from '../../src/report/reportData.js'
import { scriptJson } from '../../src/report/html.js'
import { writeReport } from '../../src/report/writeReport.js'
import { run } from '../cli/run.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { completionLine, writeLines, writeRun } from './runFixture.js'

describe('report/writeReport', () => {
  const inFolder = useTemporaryFolder()

  const dataOf = (html: string): ReportData => {
    const [, json] = /<script type="application\/json" id="run-data">(.*?)<\/script>/s.exec(html) ?? []
    assert.ok(json !== undefined)
    return JSON.parse(json) as ReportData
  }
  const report = (): string => fs.readFileSync(writeReport(inFolder('run')), 'utf8')

  it('writes one file with the data, the program, and plotly.js with its licence', async () => {
    writeRun(inFolder('run'), 3)
    const { code, stdout, stderr } = await run(['report', inFolder('run')])
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `report   ${inFolder('run', 'report.html')}\n`)
    const html = fs.readFileSync(inFolder('run', 'report.html'), 'utf8')
    const data = dataOf(html)
    assert.equal(data.name, 'run')
    assert.deepEqual(data.config, { model: 'models/tiny', task: 'arithmetic', num_generations: 4 })
    assert.deepEqual(
      data.metrics.map(({ step }) => step),
      [1, 2, 3],
    )
    assert.equal(data.groups.length, 6)
    assert.equal(data.groups[0]?.completions[3]?.tokens?.ends.length, 4)
    assert.match(html, /Permission is hereby granted, free of charge/)
    assert.match(html, /Plotly Technologies Inc\./)
    // Nothing is loaded: neither scripts, styles, fonts nor pictures.
    const markup = html.replaceAll(/<(script|style)\b[^>]*>.*?<\/\1>/gs, '<$1>')
    assert.doesNotMatch(markup, /\bsrc=|@import|href="(?!#|data:)/)
    assert.match(markup, /default-src 'none'/)
    assert.match(markup, /connect-src 'none'/)
  })

  it('writes where --output says', async () => {
    writeRun(inFolder('run'), 1)
    const { code } = await run(['report', inFolder('run'), '--output', inFolder('page.html')])
    assert.equal(code, 0)
    assert.ok(fs.existsSync(inFolder('page.html')))
    assert.ok(!fs.existsSync(inFolder('run', 'report.html')))
  })

  it('refuses what is not a folder', async () => {
    assert.throws(() => writeReport(inFolder('nowhere')), DataError)
    const { code, stderr } = await run(['report', inFolder('nowhere')])
    assert.equal(code, 1)
    assert.match(stderr, /nowhere is not a folder; expected the folder of a run/)
  })

  it('makes do with whatever the folder holds', () => {
    fs.mkdirSync(inFolder('run'))
    assert.equal(dataOf(report()).metrics.length, 0)
    fs.writeFileSync(inFolder('run', 'metrics.jsonl'), '{"step":1,"reward":0.5,"loss":null}\n{"step":2,"rew')
    fs.writeFileSync(inFolder('run', 'config.yaml'), 'model: [')
    fs.writeFileSync(inFolder('run', 'eval.json'), '{"policies": 3}')
    fs.writeFileSync(inFolder('run', 'preflight.json'), 'nonsense')
    const data = dataOf(report())
    assert.deepEqual(data.metrics, [{ step: 1, reward: 0.5, loss: null }])
    assert.equal(data.config, null)
    assert.equal(data.evaluation, null)
    assert.equal(data.problems.length, 3)
    assert.match(
      data.problems.join(),
      /config\.yaml was left out: is not valid YAML: .*preflight\.json was left out: the file is not valid JSON.*eval\.json was left out: version is missing/s,
    )
  })

  it('leaves out what is no file, or nested without end, and says so', () => {
    for (const name of ['metrics.jsonl', 'config.yaml', 'preflight.json']) {
      fs.mkdirSync(inFolder('run', name), { recursive: true })
    }
    fs.writeFileSync(inFolder('run', 'eval.json'), '['.repeat(200_000) + ']'.repeat(200_000))
    fs.writeFileSync(inFolder('run', 'diagnosis.jsonl'), `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}\n`)
    const { problems } = dataOf(report())
    assert.deepEqual(
      problems.map((problem) => problem.split(': ')[0]),
      [
        'config.yaml was left out',
        'preflight.json was left out',
        'eval.json was left out',
        'metrics.jsonl cannot be read (it is not a file)',
        'a line is damaged and was left out',
      ],
    )
  })

  it('keeps hostile texts as data', () => {
    const hostile = [
      '</script><script>alert(1)</script>',
      '<!--<script>',
      ']]><img src=x onerror=alert(1)>',
      '\u2028\u2029\0\x1b[31m\ud800',
      '<b>'.repeat(100_000),
    ]
    writeLines(
      inFolder('run', 'completions.jsonl'),
      hostile.map((text, group) =>
        completionLine({ group, problem: text, prompt: text, completion: text, answer: text, rewards: { [text]: 1 } }),
      ),
    )
    const html = report()
    assert.equal(html.match(/<\/script>/g)?.length, 3)
    assert.doesNotMatch(html, /alert\(1\)<\/script>/)
    const data = dataOf(html)
    assert.deepEqual(
      data.groups.map(({ completions }) => completions[0]?.text),
      hostile,
    )
  })

  it('keeps any value through the script element', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const json = scriptJson({ value, text })
        assert.ok(!json.includes('<'))
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ value, text })))
      }),
    )
  })

  it('escapes the name of the run in the markup', () => {
    writeRun(inFolder('<img src=x onerror=1>'), 1)
    const html = fs.readFileSync(writeReport(inFolder('<img src=x onerror=1>')), 'utf8')
    assert.doesNotMatch(html, /<img/)
  })
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import vm from 'node:vm'
import fc from 'fast-check'
import { show, untilInterrupted } from '../../src/index.js'
import { makeFigure } from '../../src/notebook/charts/figure.js'
import { drawPicture } from '../../src/notebook/charts/picture.js'
import { figuresBundle } from '../../src/notebook/charts/plot.js'
import { tableContent } from '../../src/notebook/table.js'
import { tokensContent } from '../../src/notebook/tokens.js'
import { tracesContent } from '../../src/notebook/traces.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { inFakeKernel } from './fakeKernel.js'

const checkpoint = path.resolve(import.meta.dirname, '../../checkpoints/word-problems-2m')

/** The content of the cells of a table, row by row. */
function cellsOf(html: string): string[][] {
  return [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell!),
  )
}

describe('table', () => {
  it('has a row for each object and the columns of the first', () => {
    const { html } = tableContent([
      { a: 1, b: 'x' },
      { b: null, c: 3, a: 0.12345 },
    ])
    assert.deepEqual(cellsOf(html), [
      ['a', 'b'],
      ['1', 'x'],
      ['0.123', '–'],
    ])
  })

  it('takes a danfojs DataFrame by its columns, values and index', () => {
    const frame = { columns: ['question', 'n'], values: [['how many?', 2]], index: [7] }
    assert.deepEqual(cellsOf(tableContent(frame).html), [
      ['', 'question', 'n'],
      ['7', 'how many?', '2'],
    ])
  })

  it('shows what a model wrote as text, never as HTML', () => {
    const { html, text } = tableContent([{ '<b>': '<img src=x onerror=alert(1)> & "quotes"' }])
    assert.ok(!/<img|<b>/.test(html))
    assert.match(html, /&#60;img src=x/)
    assert.match(text, /<img src=x onerror=alert\(1\)> & "quotes"/)
  })

  it('cuts off rows and long texts, and says so', () => {
    const rows = Array.from({ length: 30 }, (_, n) => ({ n, text: 'x'.repeat(100) }))
    const { html } = tableContent(rows, { limit: 3, width: 10 })
    assert.equal(cellsOf(html).length, 4)
    assert.match(html, /27 more rows/)
    assert.equal(cellsOf(html)[1]![1], `${'x'.repeat(9)}…`)
  })

  it('may be empty', () => {
    assert.deepEqual(cellsOf(tableContent([]).html), [[]])
  })
})

describe('pictures of charts', () => {
  const finite = fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.integer({ min: -5, max: 5 }))
  const value = fc.oneof({ weight: 8, arbitrary: finite }, fc.constantFrom(NaN, Infinity, -Infinity, null))

  it('are drawn from any numbers, without one that is not finite', () => {
    const trace = fc.record({
      type: fc.constantFrom('scatter' as const, 'bar' as const),
      mode: fc.constantFrom('lines' as const, 'markers' as const, 'lines+markers' as const),
      name: fc.string(),
      y: fc.array(value, { maxLength: 20 }),
      x: fc.option(fc.array(fc.oneof(finite, fc.string()), { minLength: 20, maxLength: 20 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(trace, { maxLength: 4 }), fc.string(), (data, title) => {
        const svg = drawPicture(makeFigure(data, { title }))
        assert.ok(!/NaN|Infinity/.test(svg.replaceAll(/>[^<]*</g, '><')), svg)
        assert.ok(!/<[^>]*</.test(svg), 'a text was not escaped')
      }),
    )
  })

  it('show lines, bars, error bars, categories, titles and a legend', () => {
    const svg = drawPicture(
      makeFigure(
        [
          { type: 'bar', name: 'base', x: ['standard', 'harder'], y: [0.4, 0.1], error_y: { array: [0.02, 0.03] } },
          { type: 'bar', name: 'trained', x: ['standard', 'harder'], y: [0.9, 0.2] },
        ],
        { title: 'Accuracy', yaxis: { title: 'share right', range: [0, 1] } },
      ),
    )
    assert.equal([...svg.matchAll(/<rect/g)].length, 4)
    for (const text of ['standard', 'harder', 'base', 'trained', 'Accuracy', 'share right'])
      assert.ok(svg.includes(text))
    const heights = [...svg.matchAll(/<rect [^>]*height="([\d.]+)"/g)].map(([, height]) => Number(height))
    assert.ok(Math.abs(heights[2]! / heights[0]! - 0.9 / 0.4) < 0.02, 'bars are as high as their numbers')
    assert.equal([...svg.matchAll(/<polyline/g)].length, 0)
    assert.equal([...drawPicture(makeFigure([{ y: [1, 2, 3] }])).matchAll(/<polyline/g)].length, 1)
  })
})

describe('plot', () => {
  before(() => {
    const built = path.resolve(import.meta.dirname, '../../dist/notebook/page/charts.js')
    assert.ok(fs.existsSync(built), 'dist/ is missing: npm run build')
  })

  it('gives a picture, a script that draws the chart in its place, and the chart as Plotly takes it', async () => {
    const { outputs } = await inFakeKernel(() => {
      show.plot([{ name: '</script><b>', y: [1, NaN, 3] }], { title: 'a < b', height: 200 })
    })
    const bundle = [...outputs.values()][0]!
    const html = String(bundle['text/html'])
    const id = /<div id="(chart-[0-9a-f]+)"/.exec(html)![1]!
    assert.match(html, /<img alt="[^"]*" style="max-width:100%" src="data:image\/svg\+xml;base64,/)
    const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, code]) => code!)
    const requests: { id: string; figure: { data: { y: unknown[] }[]; layout: { height: number } } }[] = []
    const page = { grpoTsCharts: requests }
    vm.runInNewContext(scripts.at(-1)!, { window: page })
    assert.equal(requests[0]!.id, id)
    assert.deepEqual(requests[0]!.figure.data[0]!.y.join(), '1,,3')
    assert.equal(requests[0]!.figure.layout.height, 200)
    assert.ok('application/vnd.plotly.v1+json' in bundle)
    assert.match(bundle['text/plain'], /1 to 3 \(3 points\)/)
  })

  it('brings plotly.js along once', async () => {
    const size = (outputs: ReadonlyMap<string, object>): number => JSON.stringify([...outputs.values()]).length
    const first = await inFakeKernel(() => {
      show.setUpCharts()
    })
    const second = await inFakeKernel(() => {
      show.plot([{ y: [1, 2] }])
      show.histogram({ lengths: [1, 2, 2, 7] })
    })
    assert.ok(size(first.outputs) > 1e6)
    assert.ok(size(second.outputs) < 3e4)
  })

  it('counts how often values occur', () => {
    const counted = (values: readonly number[]): unknown => {
      let text = ''
      const write = process.stdout.write.bind(process.stdout)
      process.stdout.write = (chunk): boolean => {
        text += String(chunk)
        return true
      }
      try {
        show.histogram({ values })
      } finally {
        process.stdout.write = write
      }
      return text.trim()
    }
    assert.equal(counted([1, 2, 2, 4]), 'values 1 to 1 (4 points)')
    assert.match(String(counted([0, 0.5, 1, 1])), /^values 1 to 2 \(\d+ points\)$/)
  })

  it('lays several charts beside each other', () => {
    const figures = [makeFigure([{ y: [1] }]), makeFigure([{ y: [2] }])]
    const html = String(figuresBundle(figures)['text/html'])
    assert.equal([...html.matchAll(/<img /g)].length, 2)
    assert.match(html, /display:grid/)
  })
})

describe('liveChart', () => {
  const panels: show.LivePanel[] = [
    { series: { reward: 'reward', reward_std: 'spread' } },
    { series: { entropy: 'entropy' } },
  ]

  it('grows in place and leaves the final charts', async () => {
    const { outputs, messages } = await inFakeKernel(async () => {
      const chart = show.liveChart(panels, { rows: 2, everyMs: 1 })
      for (const step of [1, 2, 3]) {
        chart.add(step, { reward: step / 10, reward_std: 0.5 })
        await setTimeout(3)
      }
      chart.done()
    })
    assert.equal(outputs.size, 2)
    assert.ok(messages.length >= 6)
    assert.equal(messages.filter(({ isUpdate }) => !isUpdate).length, 2)
    const [charts, table] = [...outputs.values()].map((bundle) => String(bundle['text/html']))
    assert.match(charts!, /"y":\[0\.1,0\.2,0\.3\]/)
    assert.match(charts!, /"y":\[null,null,null\]/)
    assert.deepEqual(cellsOf(table!), [
      ['step', 'reward', 'spread', 'entropy'],
      ['2', '0.200', '0.500', '–'],
      ['3', '0.300', '0.500', '–'],
    ])
    assert.ok(!table!.includes('<script>'))
  })

  it('draws less often than steps are added', async () => {
    const { messages } = await inFakeKernel(() => {
      const chart = show.liveChart(panels, { everyMs: 10_000 })
      for (let step = 1; step <= 50; step++) chart.add(step, { reward: step })
      chart.done()
    })
    assert.equal(messages.length, 4)
    assert.match(String(messages.at(-2)!.data['text/html']), /,49,50\]/)
  })

  it('appears anew, with all steps, where steps are added after it was done', async () => {
    const { outputs } = await inFakeKernel(() => {
      const chart = show.liveChart(panels)
      chart.add(1, { reward: 1 })
      chart.done()
      chart.add(2, { reward: 2 })
      chart.done()
      chart.done()
    })
    assert.equal(outputs.size, 4)
    assert.match(String([...outputs.values()][2]!['text/html']), /"y":\[1,2\]/)
  })
})

describe('traces and tokens', () => {
  it('shows completions with their verdicts, as text', () => {
    const { html, text } = tracesContent(
      [
        {
          title: 'base',
          text: '<think>\n1 + 1 = 2\n</think>\n#### <i>2</i>',
          correct: false,
          facts: { advantage: -0.5 },
        },
      ],
      'One & one?',
    )
    assert.match(html, /✗ wrong · advantage −0\.500/)
    assert.match(html, /One &#38; one\?/)
    assert.ok(!html.includes('<i>2'))
    assert.match(text, /^One & one\?\n--- base, ✗ wrong, advantage −0\.500\n<think>/)
  })

  it('colours each token by its probability and loses none of the text', () => {
    const tokenizer = Tokenizer.load(checkpoint)
    const text = '<think>\nFirst: 17 + 2 = 19.\n</think>\n#### 19'
    const ids = tokenizer.encode(text)
    const values = ids.map((_, i) => (i === 0 ? Math.log(0.01) : 0))
    const content = tokensContent(tokenizer, [{ title: 'completion', ids, values }])
    const spans = [...content.html.matchAll(/<span title=[^>]*background:rgba\([^)]*, ([\d.]+)\)[^>]*>(.*?)<\/span>/gs)]
    assert.equal(spans.length, ids.length)
    assert.deepEqual([spans[0]![1], spans[1]![1]], ['0.60', '0.00'])
    assert.equal(content.text, `completion\n${text}`)
  })
})

describe('untilInterrupted', () => {
  async function* count(log: string[]): AsyncGenerator<number> {
    try {
      for (let n = 1; n <= 5; n++) yield await Promise.resolve(n)
    } finally {
      log.push('closed')
    }
  }

  it('breaks off after the item during which the kernel was interrupted, and closes the iterable', async () => {
    const log: string[] = []
    const seen: number[] = []
    const before = process.listenerCount('SIGINT')
    for await (const n of untilInterrupted(count(log))) {
      seen.push(n)
      if (n === 2) process.emit('SIGINT')
    }
    assert.deepEqual([seen, log], [[1, 2], ['closed']])
    assert.equal(process.listenerCount('SIGINT'), before)
  })

  it('goes to the end otherwise', async () => {
    const seen: number[] = []
    for await (const n of untilInterrupted(count([]))) seen.push(n)
    assert.deepEqual(seen, [1, 2, 3, 4, 5])
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { marked } from 'marked'
import type { Token } from 'marked'
import { extractCode } from '../../../src/grading/code/extractCode.js'
import { fencedBlocks } from '../../../src/grading/code/fencedBlocks.js'

const code = 'def f(x):\n    if x:\n\n        return x + 1\n    return 0'

/** Code blocks as a reader of Markdown has them. */
function blocksOfMarked(text: string): string[] {
  const found: string[] = []
  void marked.walkTokens(marked.lexer(text), (token: Token) => {
    if (token.type === 'code' && (token as { codeBlockStyle?: string }).codeBlockStyle !== 'indented') found.push((token as { text: string }).text)
  }) // prettier-ignore
  return found.filter((block) => block.trim() !== '')
}

/** The lines of a text, each behind the same words. */
const behind = (text: string, words: string): string => text.replace(/^/gm, words)

describe('fencedBlocks', () => {
  it('takes the indentation of the fence off each line', () => {
    const cases: Record<string, string> = {
      'no indentation': `\`\`\`python\n${code}\n\`\`\``,
      'an item of a list': `1. First:\n\n   \`\`\`python\n${behind(code, '   ')}\n   \`\`\`\n2. Then`,
      'an item of an inner list': `- a\n  - b\n\n    ~~~py\n${behind(code, '    ')}\n    ~~~`,
      'a fence behind the mark of an item': `10. \`\`\`python\n${behind(code, '    ')}\n    \`\`\``,
      'a fence behind a dash': `- \`\`\`\n${behind(code, '  ')}\n  \`\`\``,
      'tabs, as the code has': `-\ta\n\n\t\`\`\`\n${behind(code, '\t')}\n\t\`\`\``,
      'tabs for blanks': `1. a\n\n    \`\`\`\n${behind(code, '\t')}\n    \`\`\``,
      'a block quote': `> So:\n> \`\`\`python\n${behind(code, '> ')}\n> \`\`\`\nEnd`,
      'a quote in a quote': `> > ~~~~\n${behind(code, '> > ')}\n> > ~~~~`,
      'a list in a quote': `> - a\n>\n>   \`\`\`\n${behind(code, '>   ')}\n>   \`\`\``,
      'a quote in a list': `- > \`\`\`\n${behind(code, '  > ')}\n  > \`\`\``,
      'a quote that ends': `> \`\`\`\n${behind(code, '> ')}\nAnd so on.`,
      'a fence that is not closed': `Here:\n  \`\`\`python\n${behind(code, '  ')}`,
      'a fence that is longer': `\`\`\`\`\`md\n${code}\n\`\`\`\`\`\`  `,
      'ends of lines of Windows': `\`\`\`python\n${code}\n\`\`\`\n`.replaceAll('\n', '\r\n'),
      'words after the fence': `\`\`\` python title="a.py" {1,2}\n${code}\n\`\`\``,
      'backticks after tildes': `~~~ python \`x\`\n${code}\n~~~`,
      'a fence that closes further out': `    \`\`\`python\n${behind(code, '    ')}\n\`\`\``,
      'a fence that closes further in': `\`\`\`python\n${code}\n   \`\`\``,
    } // prettier-ignore
    for (const [name, text] of Object.entries(cases)) assert.deepEqual(fencedBlocks(text), [code], name)
  })

  it('takes off no more than a line has', () => {
    assert.deepEqual(fencedBlocks('  ```\ndef f():\n    return """\n text"""\n  ```'), [
      'def f():\n  return """\ntext"""',
    ])
  })

  it('keeps what a fence encloses, also if it looks like one', () => {
    const inner = '```python\nx = 1\n```'
    assert.deepEqual(fencedBlocks(`\`\`\`\`\n${inner}\n\`\`\`\``), [inner])
    assert.deepEqual(fencedBlocks(`~~~\n${inner}\n~~~`), [inner])
    assert.deepEqual(fencedBlocks('```\na\n~~~\nb\n```'), ['a\n~~~\nb'])
    assert.deepEqual(fencedBlocks('```\na\n```python\nb\n```'), ['a\n```python\nb'])
    assert.deepEqual(fencedBlocks('```python\n"""\n    ```\n    x\n    ```\n"""\n```'), [
      '"""\n    ```\n    x\n    ```\n"""',
    ])
    assert.deepEqual(fencedBlocks('```\na\n```\nb\n```\nc\n```'), ['a', 'c'])
    assert.deepEqual(fencedBlocks('```\n```\n```\n\n \n```\ntext'), [])
    assert.deepEqual(fencedBlocks('```not a fence``` ``` x'), [])
    assert.deepEqual(fencedBlocks('``\nx\n``'), [])
  })

  it('reads what a reader of Markdown does', () => {
    const line = fc.oneof(
      fc.constantFrom('def f(x):', '    return 1', '', '  x = 1', 'a `b` c', '"""', '# x'),
      fc.string({ maxLength: 12 }).map((text) => text.replace(/[`~>\s\0]/g, '')),
    )
    const block = fc.record({
      fence: fc.constantFrom('```', '~~~', '````', '~~~~~'),
      info: fc.constantFrom('', 'python', ' py', 'js title=1'),
      lines: fc.array(line, { maxLength: 8 }),
      place: fc.constantFrom('', ' ', '  ', '   ', '1. a\n\n   ', '- a\n\n  ', '- a\n  - b\n\n    ', '> ', '> > ', '> - a\n>\n>   '),
    }) // prettier-ignore
    const text = fc.array(block, { minLength: 1, maxLength: 4 }).map((blocks) =>
      blocks
        .map(({ fence, info, lines, place }) => {
          const last = place.split('\n').at(-1)!
          // That reader forgets to take off what tildes are indented by.
          const mark = /^ +$/.test(place) ? fence.replaceAll('~', '`') : fence
          const body = [`${mark}${info}`, ...lines, mark].map((each, i) => (i === 0 ? place : last) + each)
          return body.join('\n')
        })
        .join('\n\nAnd now:\n\n'),
    )
    fc.assert(
      fc.property(text, (given) => {
        // That reader drops blanks at the ends of lines here and there.
        const plain = (blocks: string[]): string[] => blocks.map((each) => each.replace(/[ ]+$/gm, '').trimEnd())
        assert.deepEqual(plain(fencedBlocks(given)), plain(blocksOfMarked(given)))
      }),
      { numRuns: 300 },
    ) // prettier-ignore
  })

  it('gives back any code that stands behind any indentation', () => {
    const lines = fc.array(
      fc.constantFrom('def f(x):', '    return x', '        y = 1', '', '\tz = 2', 'w = """', '    """', '# `` ~~'),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(lines, fc.nat({ max: 12 }), fc.constantFrom('```', '~~~~'), (given, indentation, fence) => {
        const source = given.join('\n')
        fc.pre(source.trim() !== '')
        const text = behind([`${fence}python`, source, fence].join('\n'), ' '.repeat(indentation))
        assert.deepEqual(fencedBlocks(text), [source])
      }),
    )
  })

  it('takes a function out of an item of a list, strictly, and one that is indented further leniently', () => {
    const question = { language: 'python', prompt: 'import math\n\ndef f(x):\n    """ Adds. """\n', entryPoint: 'f' } as const
    const program = `import math\n\n\n${code}`
    const inList = `1. Here:\n\n   \`\`\`python\n${behind(code, '   ')}\n   \`\`\`\n2. It adds.`
    assert.deepEqual(extractCode(inList, question), [{ program, isStrict: true }])
    const further = `\`\`\`python\n${behind(code, '    ')}\n\`\`\``
    assert.deepEqual(extractCode(further, question).at(-1), { program: program.replace('\n\n        ', '\n\n        '), isStrict: false })
    const body = '- Its body:\n\n  ```python\n  y = x\n  return y + 1\n  ```'
    assert.deepEqual(extractCode(body, question), [
      { program: `${question.prompt}    y = x\n    return y + 1`, isStrict: true },
    ])
  }) // prettier-ignore

  it('takes no time for long texts', () => {
    for (const text of ['`'.repeat(300_000), ' '.repeat(300_000), '> '.repeat(150_000), '- '.repeat(150_000), '~~~\n'.repeat(100_000), '1. '.repeat(100_000), '\t'.repeat(300_000) + '```']) {
      // Quadratic work would not end.
      assert.ok(fencedBlocks(text).length <= 1)
      assert.ok(fencedBlocks(`\`\`\`\n${text}`).length <= 1)
    }
  }) // prettier-ignore
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { fillPlace, pictureBlock } from '../../scripts/pictures/markdown.js'
import { shortenedOutput } from '../../scripts/pictures/readmeText.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('places for pictures in Markdown', () => {
  const inFolder = useTemporaryFolder()

  it('are filled in all pages that have them, again and again', () => {
    fs.mkdirSync(inFolder('docs'))
    const page = 'before\n<!-- picture one -->\n<!-- /picture -->\n<!-- picture two -->\nstays\n<!-- /picture -->\n'
    for (const file of ['README.md', 'docs/a.md']) fs.writeFileSync(inFolder(file), page)
    fs.writeFileSync(inFolder('docs/b.md'), 'none here\n')
    for (const content of ['first, $1 $&', 'second']) {
      fillPlace(inFolder(), 'picture', 'one', () => content)
      for (const file of ['README.md', 'docs/a.md']) {
        const expected = page.replace('-->\n<!-- /', () => `-->\n${content}\n<!-- /`)
        assert.equal(fs.readFileSync(inFolder(file), 'utf8'), expected)
      }
    }
    assert.equal(fs.readFileSync(inFolder('docs/b.md'), 'utf8'), 'none here\n')
    assert.throws(() => {
      fillPlace(inFolder(), 'text', 'one', () => 'x')
    }, /no page has a place for the text 'one'/)
  })

  it('hold both themes, and a description in which nothing ends early', () => {
    assert.equal(
      pictureBlock('images/a-light.svg', 'images/a-dark.svg', {
        alt: 'what "it" & <b> show',
        caption: 'A.',
        width: 700,
      }),
      '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="images/a-dark.svg">\n' +
        '  <img src="images/a-light.svg" width="700" alt="what &quot;it&quot; &amp; &lt;b> show">\n</picture>\n\nA.',
    )
  })
})

describe('what npm start prints, in README.md', () => {
  const steps = [1, 10, 20, 30, 40, 50].map((step) => `step ${String(step).padStart(3)}/50  reward 0.5`)
  const answers = Array.from({ length: 20 }, (_, i) => `line ${i}`)
  const lines = [
    '$ npm start',
    'engine   cpu',
    'base     42.7 % of sampled answers are right',
    ...steps,
    '',
    '              base   after GRPO',
    'accuracy    42.7 %       92.3 %',
    '',
    'base model        after GRPO',
    ...answers,
    '',
    'report       runs/quickstart/report.html',
  ]

  it('is shortened to steps, table and the beginning of two answers', () => {
    assert.deepEqual(shortenedOutput(lines).split('\n'), [
      'base     42.7 % of sampled answers are right',
      steps[0],
      steps[2],
      steps[5],
      '',
      '              base   after GRPO',
      'accuracy    42.7 %       92.3 %',
      '',
      'base model        after GRPO',
      ...answers.slice(0, 13),
      '…',
    ])
  })

  it('is refused in another form', () => {
    assert.throws(() => shortenedOutput(lines.filter((line) => !line.startsWith('base  '))), /no accuracy of the base/)
  })
})

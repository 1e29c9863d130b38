import assert from 'node:assert/strict'
import { plainText, spokenWords, splitCaptions } from '../../walkthrough/text/captions.js'
import { formatPage } from '../../walkthrough/text/page.js'
import { fillScript } from '../../walkthrough/text/placeholders.js'
import { parseScript } from '../../walkthrough/text/script.js'
import { checkLengths, clock, makeTimeline } from '../../walkthrough/text/timeline.js'
import { chaptersOf, formatCaptions, formatChapters, formatMetadata } from '../../walkthrough/text/webVtt.js'

const yaml = `
title: A walkthrough
summary: Two scenes.
pronounce: { LoRA: Laura }
sections:
  - title: First & last
    minutes: 0.5
    scenes:
      - title: What it is
        show: { card: "# Accuracy {accuracy.base}" }
        say: >
          The \`model\` is right in {accuracy.base} of its answers,
          which is little.
      - title: Its code
        show: { notebook: "## 4. Configure", cell: numGenerations, part: output, run: true }
        say:
          - Here it runs.
          - point: reward
            say: And here is the **reward**; it is 1 < 2.
`
const script = parseScript(yaml, 'script.yaml')
const figures = { 'accuracy.base': '47.1 %' }
const filled = fillScript(script, figures)
const timeline = makeTimeline(filled)

describe('the text of the walkthrough', () => {
  it('reads scenes with what they show, say and point at', () => {
    const [first, second] = script.sections[0]!.scenes
    assert.deepEqual(first, {
      id: '1-1',
      title: 'What it is',
      show: { kind: 'card', markdown: '# Accuracy {accuracy.base}' },
      parts: [{ say: 'The `model` is right in {accuracy.base} of its answers, which is little.', point: null }],
    })
    assert.deepEqual(second!.show, {
      kind: 'notebook',
      heading: '## 4. Configure',
      cell: 'numGenerations',
      part: 'output',
      isRun: true,
    })
    assert.equal(second!.parts[1]!.point, 'reward')
  })

  it('says what is wrong with a script, and where', () => {
    for (const [change, message] of [
      [['minutes: 0.5', 'minutes: soon'], /script\.yaml: sections\.0\.minutes: .*number/],
      [
        ['{ card: "# Accuracy {accuracy.base}" }', '{ picture: x }'],
        /sections\.0\.scenes\.0\.show: expected card, notebook/,
      ],
      [['            say: And here', '            text: And here'], /sections\.0\.scenes\.1\.say/],
      [['title: A walkthrough', 'title: [A'], /script\.yaml: is not valid YAML/],
    ] as const) {
      assert.throws(() => parseScript(yaml.replace(change[0], change[1]), 'script.yaml'), message)
    }
  })

  it('fills figures into cards and sentences, and refuses one that the run does not have', () => {
    const [scene] = filled.sections[0]!.scenes
    assert.deepEqual(scene!.show, { kind: 'card', markdown: '# Accuracy 47.1 %' })
    assert.match(scene!.parts[0]!.say, /right in 47\.1 % of its answers/)
    assert.throws(
      () => fillScript(script, { 'accuracy.bass': '1' }),
      /summary|scene 1-1: there is no figure \{accuracy\.base\} \(did you mean accuracy\.bass\?\)/,
    )
  })

  it('breaks long sentences behind a comma, never before a unit, and keeps every word', () => {
    const long =
      'Of the five hundred held-out problems the base model solves no more than about 47.1 % with sampled answers, which leaves ' +
      'much to be learned, and the trained model solves far more of them than that, whichever way one counts. A short one.'
    const captions = splitCaptions(long)
    assert.equal(captions.join(' '), long)
    assert.ok(captions.length >= 3)
    assert.ok(captions.every((caption) => caption.length <= 110 && !caption.startsWith('%')))
    assert.equal(captions.at(-1), 'A short one.')
    assert.deepEqual(splitCaptions('o1 and R1 came first. It is 47.1 % now.'), [
      'o1 and R1 came first.',
      'It is 47.1 % now.',
    ])
    assert.equal(plainText('the `model` is **new**'), 'the model is new')
  })

  it('counts words as they are spoken', () => {
    for (const [text, words] of [
      ['group relative', 2],
      ['word-problems', 2],
      ['numGenerations', 2],
      ['GRPO', 1],
      ['47.1 %', 5], // forty-seven point one percent
      ['1,600', 4],
      ['a = b', 3],
      ['so: yes –', 2],
    ] as const) {
      assert.equal(spokenWords(text), words, text)
    }
  })

  it('gives everything a time: in order, without overlap, as long as it takes to say it', () => {
    const [section] = timeline.sections
    assert.deepEqual(section!.title, { start: 0, end: 3 })
    let now = 3
    for (const scene of section!.scenes) {
      assert.equal(scene.start, now)
      for (const part of scene.parts) {
        assert.equal(part.start, now)
        for (const cue of part.cues) {
          assert.ok(cue.start >= now && cue.end > cue.start && cue.end <= part.end)
          assert.ok(Math.abs(cue.end - cue.start - 0.4 * spokenWords(cue.text)) < 0.06)
          now = cue.end
        }
        now = part.end
      }
      assert.equal(scene.end, now)
    }
    assert.equal(timeline.seconds, now)
  })

  it('says which sections are too long or too short, and by how many words', () => {
    assert.match(
      checkLengths(timeline)[0]!,
      /^section 1, First & last, takes 0:\d\d; expected 0:27 to 0:33: about \d+ words too few$/,
    )
    const fitting = (timeline.seconds - 1) / 60
    const lengthOf = (minutes: number): string[] =>
      checkLengths({
        ...timeline,
        sections: timeline.sections.map((one) => ({ ...one, section: { ...one.section, minutes } })),
      })
    assert.deepEqual(lengthOf(fitting), [])
    assert.match(lengthOf(fitting / 2)[0]!, /words too many/)
    assert.equal(clock(185.4), '3:05')
  })

  it('writes captions and chapters as WebVTT and as metadata of a video', () => {
    const captions = formatCaptions(timeline)
    assert.match(
      captions,
      /^WEBVTT\n\n1\n00:00:03\.000 --> 00:00:\d\d\.\d00\nThe model is right in 47\.1 % of its answers, which is little\.\n\n2\n/,
    )
    assert.match(captions, /it is 1 &lt; 2\.\n$/)
    assert.match(
      formatChapters(timeline),
      /^WEBVTT\n\n1\n00:00:00\.000 --> [\d:.]+\n1 First &amp; last: What it is\n\n2\n/,
    )
    const chapters = chaptersOf(timeline)
    assert.equal(chapters[0]!.end, chapters[1]!.start)
    assert.equal(chapters[1]!.end, timeline.seconds)
    const metadata = formatMetadata('a=b; c', timeline)
    assert.match(
      metadata,
      /^;FFMETADATA1\ntitle=a\\=b\\; c\n\[CHAPTER\]\nTIMEBASE=1\/1000\nSTART=0\nEND=\d+\ntitle=1 First & last: What it is\n/,
    )
  })

  it('writes the page: contents, and for each scene its time, picture and text', () => {
    const recorded = { date: '2026-12-01', machine: '2 cores', figures, speeds: { '1-2': 2.04 } }
    const page = formatPage(filled, timeline, recorded)
    assert.match(page, /^\| \[1\. First & last\]\(#1-first--last\) \| 0:00 \| 0:\d\d \|$/m)
    assert.match(
      page,
      /### 0:03 What it is\n\n!\[What it is: a card with a title and a few lines\]\(images\/walkthrough\/1-1\.webp\)\n\nThe `model` is right in 47\.1 %/,
    )
    assert.match(page, /1-2\.webp\)\n\n\*In the video 2\.0 times as fast as it ran\.\*\n\nHere it runs\. And here/)
  })
})

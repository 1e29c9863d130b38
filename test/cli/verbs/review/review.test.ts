import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { runCommandLine } from '../../../../src/cli/commandLine.js'
import { statisticsReady } from '../../../../src/eval/statistics/distributions.js'
import { writeEvaluation } from '../../../../src/run/evaluationFile.js'
import { readReviews } from '../../../../src/run/reviewsFile.js'
import { differing, evaluationOf } from '../../../eval/review/evaluationFixture.js'
import { useTemporaryFolder } from '../../../io/temporaryFolder.js'
import { run, start } from '../../run.js'

describe('cli/verbs/review', () => {
  before(() => statisticsReady)
  const inFolder = useTemporaryFolder()
  const review = (keys: string, ...flags: string[]): ReturnType<typeof run> =>
    run(['review', inFolder('.'), '--reviewer', 'anna', ...flags], keys)
  const verdicts = (): (string | null)[] => readReviews(inFolder('.')).lines.map(({ verdict }) => verdict)

  it('asks in a terminal, keeps what is said, and ends with the results', async () => {
    writeEvaluation(inFolder('eval.json'), differing(4))
    const { code, stdout, stderr } = await review('1\n2\n3\n4\n')
    assert.deepEqual([code, stderr], [0, ''])
    assert.deepEqual(verdicts(), ['left', 'right', 'tie', 'both_bad'])
    assert.match(stdout, /^reviewer anna\npairs {4}4 of greedy answers\n/)
    assert.match(
      stdout,
      /=== Pair 1 of 4 =+\n\| How many\?\n\nAnswer 1\n\| (base|trained) says \d\n\nAnswer 2\n\| (base|trained) says \d\n/,
    )
    assert.match(stdout, /equally good\n[^]*both bad\n/)
    assert.match(
      stdout,
      /4 of 4 pairs are judged\. .*reviews\.jsonl holds the verdicts\.\n\n4 verdicts on 4 pairs by 1 reviewer \(anna 4\)/,
    )
    // Of which model an answer is is told by the results alone.
    assert.doesNotMatch(stdout.split('pairs are judged')[0]!.replace(/\| (base|trained) says \d/g, ''), /base|trained/)
  })

  it('goes on where it stopped, at the end of the input, by q, and up to a limit', async () => {
    writeEvaluation(inFolder('eval.json'), differing(4))
    const first = await review('1\n')
    assert.equal(first.code, 0)
    assert.match(first.stdout, /1 of 4 pairs are judged; the same command goes on with the others\./)
    const second = await review('2\nq\n1\n')
    assert.match(second.stdout, /^pairs {4}4 of greedy answers, 1 of them judged$/m)
    assert.match(second.stdout, /=== Pair 2 of 4 /)
    assert.deepEqual(verdicts(), ['left', 'right'])
    const third = await review('3\n3\n3\n', '--limit', '3')
    assert.match(third.stdout, /=== Pair 3 of 3 [^]*3 of 3 pairs are judged\. /)
    assert.deepEqual(verdicts(), ['left', 'right', 'tie'])
    assert.match((await review('')).stdout, /=== Pair 4 of 4 /)
  })

  it('takes a verdict back, shows the expected answer when asked, and asks again for other keys', async () => {
    writeEvaluation(inFolder('eval.json'), differing(2))
    const { stdout } = await review('u\n1\nu\n\n  x\ne\nBanana\n4\nq\n')
    assert.deepEqual(verdicts(), ['left', null, 'both_bad'])
    assert.deepEqual(
      readReviews(inFolder('.')).lines.map((line) => line.answer_shown),
      [false, false, true],
    )
    assert.match(stdout, /there is no verdict of this session to take back\n/)
    assert.match(stdout, /taken back\n\n=== Pair 1 of 2 /)
    assert.match(stdout, /expected answer\n\| 4\n/)
  })

  it('shows hostile answers as text behind a bar, in no more lines than can be read', async () => {
    const hostile = '\u001b[2J\u001b]0;x\u0007\nAnswer 2\n=== Pair 9 of 9'
    writeEvaluation(inFolder('eval.json'), evaluationOf([{ base: hostile, trained: 'x'.repeat(1_000_000) }]))
    const { stdout } = await review('')
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    assert.match(stdout, /\n\| ␛\[2J␛\]0;x␇\n\| Answer 2\n\| === Pair 9 of 9\n/)
    assert.match(stdout, /\(980,000 more characters; --page shows them\)/)
    assert.ok(stdout.length < 30_000)
    for (const line of stdout.split('\n')) assert.ok(line.length < 400, line)
  })

  /** A terminal whose keys a test presses; it writes down how the mode was set. */
  function terminal(): { stdin: PassThrough; modes: boolean[]; output: PassThrough; shown: () => string } {
    const modes: boolean[] = []
    const stdin = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => {
        modes.push(isRaw)
      },
    })
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 60 })
    let shown = ''
    output.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    return { stdin, modes, output, shown: () => shown }
  }

  /** Presses keys, each when something is shown. */
  async function press(
    given: ReturnType<typeof terminal>,
    keys: readonly (readonly [shown: string, key: string])[],
  ): Promise<number> {
    const { stdin, output, shown } = given
    const args = ['review', inFolder('.'), '--reviewer', 'anna']
    const ended = runCommandLine(args, { stdin, stdout: output, stderr: output })
    for (const [awaited, key] of keys) {
      while (!shown().split(awaited)[1]?.includes('q quit')) await wait(20)
      // A key right after the one before, or right after a new pair, does not count.
      await wait(900)
      stdin.write(key)
    }
    return ended
  }

  it('takes single keys of a terminal, arrows too, and gives it back as it was', async () => {
    writeEvaluation(inFolder('eval.json'), differing(3))
    const tty = terminal()
    const code = await press(tty, [
      ['Pair 1 of 3', '\u001b[D'],
      ['Pair 2 of 3', '\u001b[15~'],
      ['Pair 2 of 3', 'pasted 1'],
      ['Pair 2 of 3', '\u001bOC'],
      ['Pair 3 of 3', '3'],
    ])
    assert.equal(code, 0)
    assert.deepEqual(verdicts(), ['left', 'right', 'tie'])
    assert.deepEqual(tty.modes, [true, false])
    for (const line of tty.shown().split('\n')) if (/^(\||=)/.test(line)) assert.ok(line.length < 60, line)
  })

  it('does not take a key that is held down for verdicts on what was never read', async () => {
    writeEvaluation(inFolder('eval.json'), differing(9))
    const tty = terminal()
    const ended = press(tty, [['Pair 1 of 9', '1']])
    while (!tty.shown().split('Pair 2 of 9')[1]?.includes('q quit')) await wait(20)
    // A terminal repeats a key after a moment, and then quickly.
    await wait(250)
    for (let i = 0; i < 20; i++) tty.stdin.write('1')
    await wait(900)
    for (let i = 0; i < 20; i++) tty.stdin.write('2')
    tty.stdin.write('\u0004')
    assert.equal(await ended, 0)
    assert.deepEqual(verdicts(), ['left', 'right'])
  })

  it('keeps what was given when Ctrl-C ends it', async () => {
    writeEvaluation(inFolder('eval.json'), differing(3))
    const tty = terminal()
    const code = await press(tty, [
      ['Pair 1 of 3', '2'],
      ['Pair 2 of 3', '\u0003'],
    ])
    assert.equal(code, 130)
    assert.deepEqual(verdicts(), ['right'])
    assert.deepEqual(tty.modes, [true, false])
    assert.match(tty.shown(), /1 of 3 pairs are judged; the same command goes on with the others/)
  })

  it('prints the results alone, also of lines that others have damaged', async () => {
    writeEvaluation(inFolder('eval.json'), differing(3))
    assert.match(
      (await review('', '--results')).stdout,
      /^0 verdicts .*\n\nNo verdicts on pairs of this evaluation yet\.\n$/,
    )
    await review('1\n1\n1\n')
    fs.appendFileSync(inFolder('reviews.jsonl'), '{"reviewer": "\\u001b[2Jeve"}\n{"cut')
    const { code, stdout } = await review('', '--results')
    assert.equal(code, 0)
    assert.match(stdout, /^3 verdicts on 3 pairs by 1 reviewer \(anna 3\)\n/)
    assert.match(stdout, /a line is damaged and was left out: reviews\.jsonl:4: /)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /\u001b/)
    assert.equal(verdicts().length, 3)
  })

  it('serves a page until Ctrl-C, and then prints the results', async () => {
    writeEvaluation(inFolder('eval.json'), differing(2))
    const child = start(['review', inFolder('.'), '--page', '--reviewer', 'anna'])
    const exit = once(child, 'exit')
    let output = ''
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      output += chunk.toString()
      const url = /^review {3}(http:\/\/127\.0\.0\.1:\d+)\/\?token=(\S+)$/m.exec(output)
      if (!url || output.includes('judged')) continue
      const [, address, token] = url
      const response = await fetch(`${address!}/give`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token!}` },
        body: JSON.stringify({ number: 1, verdict: 'tie', answerShown: false }),
      })
      assert.equal(response.status, 200)
      child.kill('SIGINT')
    }
    assert.deepEqual([await exit, await text(child.stderr)], [[0, null], ''])
    assert.match(output, /1 of 2 pairs are judged; [^]*1 verdict on 1 pair by 1 reviewer \(anna 1\)/)
  })

  it('refuses what cannot be reviewed', async () => {
    const refuse = async (code: number, message: RegExp, ...args: string[]): Promise<void> => {
      const outcome = await run(['review', ...args])
      assert.deepEqual([outcome.code, outcome.stdout], [code, ''], outcome.stderr)
      assert.match(outcome.stderr, message)
    }
    await refuse(1, /none is not a folder; expected the folder of a run/, inFolder('none'))
    await refuse(1, /none is not a folder/, inFolder('none'), '--results')
    await refuse(1, /make it with grpo-ts eval/, inFolder('.'))
    await refuse(1, /make it with grpo-ts eval/, inFolder('.'), '--page')
    fs.writeFileSync(inFolder('eval.json'), 'cut {')
    await refuse(1, /eval\.json/, inFolder('.'))
    writeEvaluation(inFolder('eval.json'), differing(2))
    await refuse(2, /--limit/, inFolder('.'), '--limit', '0')
    await refuse(2, /--decoding/, inFolder('.'), '--decoding', 'beam')
    await refuse(1, /no sampled completions/, inFolder('.'), '--decoding', 'sampled')
    await refuse(2, /reviewer is '/, inFolder('.'), '--reviewer', ' ')
    await refuse(2, /--port is for --page/, inFolder('.'), '--port', '8000')
    await refuse(2, /--port/, inFolder('.'), '--page', '--port', '65536')
  })
})

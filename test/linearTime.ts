import assert from 'node:assert/strict'

/** So short a time, in seconds, is no proof of anything. */
const SHORT = 0.5

/**
 * Asserts that reading a text of many repetitions takes about eight times as long for eight times the text, where quadratic time
 * would be 64 times. What is compared is the processor time of this process, which a busy machine does not change.
 */
export function assertLinearTime(read: (text: string) => void, unit: string, characters: number): void {
  let before = Infinity
  for (const length of [characters / 64, characters / 8, characters]) {
    const text = unit.repeat(Math.ceil(length / unit.length))
    const { user: start } = process.cpuUsage()
    read(text)
    const seconds = (process.cpuUsage().user - start) / 1e6
    assert.ok(
      seconds < SHORT || seconds < 24 * before,
      `${JSON.stringify(unit)}: ${text.length} characters took ${seconds} s, an eighth of them ${before} s`,
    )
    before = seconds
  }
}

import { createHash } from 'node:crypto'

/** This part of all keys makes up the test split. */
const TEST_SHARE = 0.2

/** Whether what a key stands for belongs to the test split: a fifth of all keys, by their SHA-256. */
export function isHeldOut(key: string): boolean {
  return createHash('sha256').update(key).digest().readUInt32BE(0) / 2 ** 32 < TEST_SHARE
}

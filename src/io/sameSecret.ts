import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a text is the secret, in a time that says nothing of how much of it is right; never for null. */
export function sameSecret(given: string | null, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return given !== null && timingSafeEqual(digest(given), digest(secret))
}

import { quote } from './json.js'

/**
 * The message of whatever was thrown, in words where it has none. It never throws itself: code of a user's may throw an object that
 * cannot be made a text, or one that throws when it is looked at, and whoever tells of it would be ended by that.
 */
export function thrownMessage(thrown: unknown): string {
  try {
    const message: unknown = thrown instanceof Error ? thrown.message : thrown
    return typeof message === 'object' && message !== null ? quote(message) : String(message)
  } catch {
    return 'something that cannot be shown'
  }
}

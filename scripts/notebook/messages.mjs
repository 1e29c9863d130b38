// Jupyter's wire format (jupyter-client.readthedocs.io/en/latest/messaging.html, protocol 5.3): a delimiter, an HMAC-SHA256 signature,
// then header, parent header, metadata and content as JSON.
import crypto from 'node:crypto'

const delimiter = '<IDS|MSG>'

/** @param {string} key  @param {(string | Buffer)[]} parts */
function sign(key, parts) {
  const hmac = crypto.createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest('hex')
}

/**
 * @param {string} key
 * @param {string} session
 * @param {string} type such as 'execute_request'
 * @param {object} content
 * @returns {{ id: string, frames: string[] }}
 */
export function encodeMessage(key, session, type, content) {
  const id = crypto.randomUUID()
  const date = new Date().toISOString()
  const header = { msg_id: id, msg_type: type, session, username: 'run-notebook', version: '5.3', date }
  const parts = [header, {}, {}, content].map((part) => JSON.stringify(part))
  return { id, frames: [delimiter, sign(key, parts), ...parts] }
}

/**
 * @param {string} key
 * @param {Buffer[]} frames
 * @returns {{ type: string, parentId: string | undefined, content: object }}
 */
export function decodeMessage(key, frames) {
  const start = frames.findIndex((frame) => frame.toString() === delimiter)
  const parts = frames.slice(start + 2, start + 6)
  if (sign(key, parts) !== frames[start + 1]?.toString())
    throw new Error('a message of the kernel has a wrong signature')
  const [header, parent, , content] = parts.map((part) => JSON.parse(part.toString()))
  return { type: header.msg_type, parentId: parent.msg_id, content }
}

const interval = 50 // ms

/**
 * Prints of 50 ms travel in one message: JupyterLab draws every message on its own, and thousands of them keep it busy for 20 s and more.
 */
exports.StreamBuffer = class StreamBuffer {
  #pending = null
  #flushedAt = 0

  /**
   * @param {(type: 'stream', content: { name: string, text: string }) => void} publish sends a message for the cell that prints
   * @param {'stdout' | 'stderr'} name
   * @param {string} text
   */
  print(publish, name, text) {
    if (this.#pending && (this.#pending.publish !== publish || this.#pending.name !== name)) this.flush()
    if (this.#pending) this.#pending.text += text
    else this.#pending = { publish, name, text, timer: setTimeout(() => this.flush(), interval) }
    if (Date.now() - this.#flushedAt > interval) this.flush()
  }

  flush() {
    const pending = this.#pending
    this.#pending = null
    this.#flushedAt = Date.now()
    if (!pending) return
    clearTimeout(pending.timer)
    pending.publish('stream', { name: pending.name, text: pending.text })
  }
}

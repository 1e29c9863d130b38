// No output is lost when a cell prints hundreds of lines at once. zeromq.js rejects sends as busy (EBUSY) after some 512 in one turn of
// the event loop, and tslab does not look at the result, so that messages vanish, the one that says "this cell has ended" too.

/** @param {NodeJS.Require} tslab `require` of tslab's files */
exports.repairPublisher = function (tslab) {
  const zeromq = tslab('zeromq')

  class LosslessPublisher extends zeromq.Publisher {
    #queue = []
    #isDraining = false

    constructor(options) {
      super({ sendHighWaterMark: 0, ...options })
    }

    async send(message) {
      if (this.#isDraining) {
        this.#queue.push(message)
        return
      }
      try {
        await super.send(message)
      } catch (error) {
        if (error.code !== 'EBUSY') return // closed: nobody listens any more
        this.#queue.push(message)
        if (!this.#isDraining) void this.#drain()
      }
    }

    /** Sends what has queued up in the next turns of the event loop, in order. */
    async #drain() {
      this.#isDraining = true
      while (this.#queue.length > 0) {
        await new Promise((resolve) => setImmediate(resolve))
        try {
          for (let sent = 0; sent < 200 && this.#queue.length > 0; sent++) {
            await super.send(this.#queue[0])
            this.#queue.shift()
          }
        } catch (error) {
          if (error.code !== 'EBUSY') this.#queue.length = 0
        }
      }
      this.#isDraining = false
    }
  }

  Object.defineProperty(zeromq, 'Publisher', {
    configurable: true,
    enumerable: true,
    writable: true,
    value: LosslessPublisher,
  })
}

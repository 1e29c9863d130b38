// The type checker may wait for several things at once: for a new cell, and for files that came or went (tslab: "Unexpected pending
// rebuildTimer" on stderr as soon as a cell makes folders, as every training does).

/**
 * @param {object} sys tslab's, which knows one timer at a time; it fires when a cell is compiled
 * @returns {object} the same with any number of timers, all of which fire then
 */
exports.withSeveralTimers = function (sys) {
  const waiting = new Set()
  let only = null
  let isFiring = false
  const fire = () => {
    isFiring = true
    try {
      // What fires may set further timers.
      for (const timer of waiting) {
        waiting.delete(timer)
        timer.callback()
      }
    } finally {
      isFiring = false
      only = null
    }
  }
  return Object.assign(Object.create(sys), {
    setTimeout(callback, _milliseconds, ...args) {
      const timer = { callback: () => callback(...args) }
      waiting.add(timer)
      if (!isFiring) only ??= sys.setTimeout(fire)
      return timer
    },
    clearTimeout(timer) {
      waiting.delete(timer)
      if (isFiring || waiting.size > 0 || only === null) return
      sys.clearTimeout(only)
      only = null
    },
  })
}

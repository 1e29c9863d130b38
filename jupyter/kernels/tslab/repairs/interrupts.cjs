// A SIGINT listener that a cell adds before its first await does not kill the kernel at the next interrupt: tslab runs that part of a
// cell with vm's `breakOnSigint`, which takes the listeners away and forgets those that are added meanwhile.

/** @param {{ isSynchronous: boolean }} executor */
exports.repairInterrupts = function (executor) {
  for (const method of ['on', 'addListener', 'once', 'prependListener']) {
    const add = process[method].bind(process)
    process[method] = (event, listener) => {
      if (event !== 'SIGINT' || !executor.isSynchronous) return add(event, listener)
      queueMicrotask(() => add(event, listener))
      return process
    }
  }
}

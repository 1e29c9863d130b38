import { parentPort, workerData } from 'node:worker_threads'
import { touchLock } from '../io/fileLock.js'

/** A lock file, and whose it is. */
export interface TouchedLock {
  readonly file: string
  readonly id: string
}

/** What the thread is told when it starts; later messages replace the locks. */
export interface HeartbeatData {
  readonly interval: number // ms
  readonly locks: readonly TouchedLock[]
}

/** The thread that touches the locks of this process, whatever keeps the other one busy. */
const { interval, locks } = workerData as HeartbeatData
let current = locks

parentPort!.on('message', (message: readonly TouchedLock[]) => {
  current = message
})
function touchAll(): void {
  for (const { file, id } of current) touchLock(file, id)
}

touchAll()
setInterval(touchAll, interval)

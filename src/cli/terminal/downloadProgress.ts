import type { DownloadProgress } from '../../hub/download.js'
import type { Streams } from './streams.js'
import { Progress } from './progress.js'

/** Shows downloads on a terminal while `body` runs; nothing when all is in the cache. */
export async function withDownloadProgress<T>(
  stream: Streams['stderr'],
  body: (onProgress: (progress: DownloadProgress) => void) => Promise<T>,
): Promise<T> {
  const bars = new Map<number, Progress>()
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6)
  try {
    return await body(({ file, loadedBytes, totalBytes }) => {
      let bar = bars.get(totalBytes)
      if (!bar && loadedBytes === totalBytes) return
      if (!bar) {
        for (const earlier of bars.values()) earlier.stop()
        bars.set(
          totalBytes,
          (bar = new Progress(stream, megabytes(totalBytes), 'MB', { first: megabytes(loadedBytes) })),
        )
      }
      bar.update(megabytes(loadedBytes), file)
    })
  } finally {
    for (const bar of bars.values()) bar.stop()
  }
}

/** Runs `body` for every item, `limit` of them at a time; after an error no further one is started. */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  let hasFailed = false
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      if (hasFailed) return
      try {
        await body(item)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: limit }, worker))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
}

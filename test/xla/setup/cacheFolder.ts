/** Makes every test of the suite use a cache of its own. */
export function useCacheFolder(folder: () => string): void {
  let earlier: string | undefined
  beforeEach(() => {
    earlier = process.env.GRPO_TS_CACHE
    process.env.GRPO_TS_CACHE = folder()
  })
  afterEach(() => {
    if (earlier === undefined) delete process.env.GRPO_TS_CACHE
    else process.env.GRPO_TS_CACHE = earlier
  })
}

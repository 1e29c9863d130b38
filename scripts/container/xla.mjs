// usage: node xla.mjs DEVICE   fetches XLA's plugin for a device into GRPO_TS_XLA_FOLDER, with nothing of grpo-ts but dist/xla/setup
import { indexSource, defaultIndex } from '../../dist/xla/setup/packageIndex.js'
import { setUpPlugin } from '../../dist/xla/setup/setUp.js'
import { pluginFor } from '../../dist/xla/setup/wheels.js'

const release = pluginFor(process.argv[2])
if (release.notice !== null) console.error(release.notice)
let file = ''
await setUpPlugin(release, indexSource(process.env.PIP_INDEX_URL ?? defaultIndex), {
  onMessage: console.error,
  onProgress(progress) {
    if (progress.file !== file) console.error(`${Math.round(progress.loadedBytes / 1e6)} MB, ${progress.file}`)
    file = progress.file
  },
})

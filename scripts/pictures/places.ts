import path from 'node:path'

/** The repository. */
export const root = path.resolve(import.meta.dirname, '../..')
/** The program grpo-ts, as it was built. */
export const main = path.join(root, 'dist/cli/main.js')
/** Where pictures are kept. */
export const imagesFolder = path.join(root, 'docs/images')

import fs from 'node:fs'

/** The version of grpo-ts. */
export function packageVersion(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(fs.readFileSync(file, 'utf8')) as { version: string }).version
}

import fs from 'node:fs'

/** The text of a file that exports are made from, which lies beside the module that asks for it by its `import.meta.url`. */
export function template(name: string, module: string): string {
  return fs.readFileSync(new URL(name, module), 'utf8')
}

// Makes notebooks/NAME.ipynb from notebooks/NAME.cells.ts, the form in which a notebook is edited and reviewed.
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseCells } from './notebook/cells.mjs'
import { keepOutputs, withoutOutputs } from './notebook/stored/keep.mjs'
import { formatNotebook, joinLines, readNotebook, writeNotebook } from './notebook/notebookFile.mjs'

const usage = `usage: node scripts/notebook-cells.mjs [--check] [NAME.cells.ts …]

  writes NAME.ipynb beside each NAME.cells.ts (default: all of notebooks/); cells whose code stays the same keep their outputs,
  and npm run notebook -- NAME.ipynb --store brings the others
  --check   writes nothing; exit code 1 when a notebook differs from its cells, outputs aside`

/** Says how a notebook differs from what its cells file makes, or null. */
function findDifference(file, expected) {
  if (!fs.existsSync(file)) return 'is missing'
  const actual = readNotebook(file)
  if (formatNotebook(withoutOutputs(actual)) === formatNotebook(expected)) return null
  for (const [index, cell] of expected.cells.entries()) {
    const other = actual.cells[index]
    if (other?.cell_type !== cell.cell_type || joinLines(other.source) !== joinLines(cell.source))
      return `differs in cell ${index}`
  }
  const [more, fewer] = [actual.cells.length, expected.cells.length]
  return more > fewer ? `has ${more - fewer} more cells` : 'differs in ids, tags or metadata'
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const folder = path.resolve(import.meta.dirname, '../notebooks')
const all = () => fs.readdirSync(folder).filter((name) => name.endsWith('.cells.ts'))
const sources = positionals.length > 0 ? positionals : all().map((name) => path.join(folder, name))

for (const source of sources) {
  const file = path.join(path.dirname(source), `${path.basename(source, '.cells.ts')}.ipynb`)
  const name = path.relative(process.cwd(), file)
  try {
    const notebook = parseCells(fs.readFileSync(source, 'utf8'))
    if (!values.check) {
      const isNew = !fs.existsSync(file)
      const missing = isNew ? 0 : keepOutputs(notebook, readNotebook(file))
      writeNotebook(file, notebook)
      const what = `${name}: ${notebook.cells.length} cells`
      console.log(missing > 0 ? `${what}, ${missing} to be executed: npm run notebook -- ${name} --store` : what)
      continue
    }
    const difference = findDifference(file, notebook)
    if (difference === null) continue
    console.error(`${name} ${difference}: edit ${path.basename(source)} and run node scripts/notebook-cells.mjs`)
  } catch (error) {
    console.error(`${source}: ${error.message}`)
  }
  process.exitCode = 1
}

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

interface Layers {
  readonly layers: readonly string[]
  readImports(src: string): Import[]
  layerOf(file: string): string
  circles(imports: readonly Import[]): string[][]
}

describe('the layers of src/', () => {
  const root = path.resolve(import.meta.dirname, '..')
  let scripts: Layers
  let imports: Import[]
  before(async () => {
    scripts = (await import(path.join(root, 'scripts/layers.mjs'))) as Layers
    imports = scripts.readImports(path.join(root, 'src'))
  })

  it('are all named, and all there', () => {
    const there = fs.readdirSync(path.join(root, 'src')).map((name) => name.replace(/\.ts$/, ''))
    assert.deepEqual(there.sort(), [...scripts.layers].sort())
  })

  it('import downwards only, types too', () => {
    assert.ok(imports.length > 1000)
    const rank = (file: string): number => scripts.layers.indexOf(scripts.layerOf(file))
    const upwards = imports.filter(({ from, to }) => rank(to) > rank(from))
    assert.deepEqual(upwards, [])
  })

  it('have no circle of files that import values from each other', () => {
    assert.deepEqual(scripts.circles(imports), [])
    const circle = [
      { from: 'a.ts', to: 'b.ts', isType: false },
      { from: 'b.ts', to: 'a.ts', isType: false },
    ]
    assert.deepEqual(scripts.circles(circle), [['a.ts', 'b.ts', 'a.ts']])
    assert.deepEqual(scripts.circles([circle[0]!, { ...circle[1]!, isType: true }]), [])
  })

  it('are the tree that the README shows', () => {
    const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8')
    const shown = [...readme.matchAll(/^ {2}(\w+)\/ /gm)].map(([, name]) => name!)
    const folders = scripts.layers.filter((name) => fs.existsSync(path.join(root, 'src', name)))
    for (const folder of folders) assert.ok(shown.includes(folder), `README.md's layout lacks ${folder}/`)
  })
})

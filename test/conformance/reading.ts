/** A path without the numbers of its elements: `cases[3].reward` becomes `cases[].reward`. */
const withoutNumbers = (path: string): string => path.replace(/\[\d+\]/g, '[]')

/** A field of a document that holds a value, not other fields. */
interface Leaf {
  readonly path: string
  /** The elements of lists that it lies in. */
  readonly elements: readonly string[]
}

/**
 * Takes note of what is read of a JSON document, so that what is not can be told. A list of numbers, of texts or of such lists is
 * one field; a list of objects has the fields of its elements.
 */
export class Reading {
  readonly #read = new Set<string>()
  readonly #proxies = new WeakMap<object, object>()
  /** The document, which notes each field that is taken from it. */
  readonly document: unknown

  constructor(private readonly root: unknown) {
    this.document = this.#tracked(root, '')
  }

  /**
   * Fields that nothing has read, and elements of lists of which nothing has read any field though others were read. Fields
   * that are null are absent.
   */
  unread(): string[] {
    const leaves = leavesOf(this.root, '', [])
    const read = [...this.#read]
    const readFields = new Set(read.map(withoutNumbers))
    const readElements = new Set(
      read.flatMap((path) => [...path.matchAll(/\]/g)].map(({ index }) => path.slice(0, index + 1))),
    )
    const unread = leaves.flatMap(({ path, elements }) => {
      const field = withoutNumbers(path)
      if (!readFields.has(field)) return [field]
      return elements.filter((element) => !readElements.has(element)).slice(0, 1)
    })
    return [...new Set(unread)]
  }

  #tracked(value: unknown, path: string): unknown {
    if (isLeaf(value)) {
      this.#read.add(path)
      return value
    }
    const known = this.#proxies.get(value as object)
    if (known) return known
    const proxy = new Proxy(value as object, {
      get: (target, key, receiver) => {
        const item: unknown = Reflect.get(target, key, receiver)
        // Methods and the length of a list are no fields.
        if (typeof key === 'symbol' || !Object.hasOwn(target, key) || (Array.isArray(target) && key === 'length'))
          return item
        return this.#tracked(item, childPath(target, path, key))
      },
    })
    this.#proxies.set(value as object, proxy)
    return proxy
  }
}

function isLeaf(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Array.isArray(value) ? value.every(isLeaf) : Object.keys(value).length === 0
}

function childPath(parent: object, path: string, key: string): string {
  return Array.isArray(parent) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
}

function leavesOf(value: unknown, path: string, elements: readonly string[]): Leaf[] {
  if (value === null) return []
  if (isLeaf(value)) return [{ path, elements }]
  return Object.entries(value as object).flatMap(([key, item]) => {
    const child = childPath(value as object, path, key)
    return leavesOf(item, child, Array.isArray(value) ? [...elements, child] : elements)
  })
}

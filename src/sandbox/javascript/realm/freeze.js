/**
 * Makes everything that the tests' realm has by itself unchangeable, and takes from it every way to run text as code.
 * Evaluates to a function whose result is `{ paths, freeze }`: a map of the realm's own functions to their paths, such as
 * `Math.max`, or to '' where they have none, and what makes more values unchangeable.
 */
;(function () {
  'use strict'
  const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf, defineProperty } = Reflect
  const TheFunction = Function
  const paths = new Map()
  const holders = Object.getOwnPropertyNames(globalThis)
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'

  for (const holder of holders) {
    const value = globalThis[holder]
    if (!isObject(value) || value === globalThis) continue
    if (typeof value === 'function') paths.set(value, holder)
    for (const name of Object.getOwnPropertyNames(value)) {
      const member = getOwnPropertyDescriptor(value, name).value
      if (typeof member === 'function' && name !== 'constructor') paths.set(member, `${holder}.${name}`)
    }
  }

  // Function, the constructors of its kinds, and eval.
  const kinds = [function () {}, function* () {}, async function () {}, async function* () {}]
  for (const kind of kinds) {
    const prototype = getPrototypeOf(kind)
    const refuse = function Function() {
      throw new TypeError('tests cannot make code of text')
    }
    defineProperty(refuse, 'prototype', { value: prototype, writable: false })
    defineProperty(prototype, 'constructor', { value: refuse })
    if (prototype === TheFunction.prototype) {
      globalThis.Function = refuse
      paths.set(refuse, 'Function')
    }
  }
  globalThis.eval = () => {
    throw new TypeError('tests cannot make code of text')
  }
  paths.set(globalThis.eval, 'eval')

  // An inherited property that cannot be written cannot be assigned to in what inherits it either: `error.name = …` and
  // `Shape.prototype.toString = …` would fail. As accessors these can.
  const assignable = (prototype, key) => {
    const descriptor = getOwnPropertyDescriptor(prototype, key)
    if (descriptor === undefined || !('value' in descriptor) || !descriptor.configurable) return
    const { value, enumerable } = descriptor
    defineProperty(prototype, key, {
      get: () => value,
      set(given) {
        if (this === prototype) throw new TypeError(`'${String(key)}' of the tests' own objects cannot be changed`)
        defineProperty(this, key, { value: given, writable: true, enumerable: true, configurable: true })
      },
      enumerable,
      configurable: false,
    })
  }
  for (const holder of holders) {
    const prototype = typeof globalThis[holder] === 'function' ? globalThis[holder].prototype : undefined
    if (!isObject(prototype)) continue
    const isWhole = prototype === Object.prototype || prototype instanceof Error || prototype === Error.prototype
    for (const key of isWhole ? ownKeys(prototype) : ['constructor', 'toString']) assignable(prototype, key)
  }

  const seen = new Set([globalThis])

  /** Freezes values and all that they lead to. */
  function freeze(values) {
    const waiting = []
    const add = (value) => {
      if (!isObject(value) || seen.has(value)) return
      seen.add(value)
      waiting.push(value)
    }
    values.forEach(add)
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      Object.freeze(value)
      add(getPrototypeOf(value))
      for (const key of ownKeys(value)) {
        const descriptor = getOwnPropertyDescriptor(value, key)
        add(descriptor.value)
        add(descriptor.get)
        add(descriptor.set)
      }
    }
  }

  const values = ownKeys(globalThis).map((key) => getOwnPropertyDescriptor(globalThis, key).value)
  freeze([...kinds.map(getPrototypeOf), ...iterators().map(getPrototypeOf), ...values])
  for (const value of seen) if (typeof value === 'function' && !paths.has(value)) paths.set(value, '')
  for (const key of ownKeys(globalThis)) {
    const descriptor = getOwnPropertyDescriptor(globalThis, key)
    if (descriptor.configurable && 'value' in descriptor) {
      defineProperty(globalThis, key, { writable: false, configurable: false })
    }
  }
  return { paths, freeze }

  /** One of each kind whose prototype no name leads to. */
  function iterators() {
    const empty = [].values()
    return [
      ...[empty, new Map().values(), new Set().values(), ''[Symbol.iterator](), 'a'.matchAll(/a/g)],
      ...[empty.map(String), Iterator.from({ next() {} }), (function* () {})(), (async function* () {})()],
    ]
  }
})

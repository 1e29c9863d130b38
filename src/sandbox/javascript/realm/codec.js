/**
 * How values cross between the realm of a program and the realm of its tests. Runs in both of them, in QuickJS, before any
 * foreign code. Evaluates to a function that makes a realm's `{ pack, unpack, stringify, parse }`.
 *
 * A message is JSON of arrays, numbers, strings, booleans and null, and nothing in it is found by a name. A value is a cell:
 * itself if it is a string, a boolean, null or an ordinary number, else `[tag, …]`:
 *
 *   u undefined | n '-0', 'NaN', … | b BigInt in hexadecimal | y a symbol's description | i path of a built-in function
 *   @ number of an object of this message | < number of an object of the request that this message answers
 *   h id of a function (f), promise (p) or other object (o) of the sender that stays there | H id of one of the receiver
 *
 * The objects of a message are copied: each is a node `[tag, …cells]`, so that cycles and long lists are no deeper than others.
 *
 *   a array | o plain object: key, cell, … | c instance of a class that both realms have: name, key, cell, …
 *   m map: cell, cell, … | s set | d date | r regular expression: source, flags | t typed array: kind, cells
 *   e error: name, message, id if it is of a class of the sender, else 0, key, cell, …
 *
 * What is used here is taken from the realm before foreign code can change it. Lists have no prototype, are filled and read by
 * index, and so neither iterators nor `toJSON` nor setters of a program see them.
 *
 * The realm's `own` says: `kindOf` (the tag of an object that is copied, '' if it stays), `fieldsOf` (keys of a copied object),
 * `valueAt` (what a key has), `foreignCell` (the cell of an object of the other realm), `reference` (the cell of one that
 * stays), `dereference` (what such a cell means), `classOf` and `prototypeOf` (classes that both realms have),
 * `accepts` (whether an object may have a field), `errorId` and `receiveError` (errors of the sender's classes), and `fail` (ends with a message that cannot be read).
 */
;(function (own) {
  'use strict'
  const { apply, getPrototypeOf, defineProperty, deleteProperty } = Reflect
  const { is, create, setPrototypeOf, keys } = Object
  const { isArray } = Array
  const { isSafeInteger } = Number
  const { stringify, parse } = JSON
  const bigInt = BigInt
  const uncurried = (method) => (self, a, b) => apply(method, self, [a, b])
  const getterOf = (prototype, name) => uncurried(Reflect.getOwnPropertyDescriptor(prototype, name).get)

  const kinds = [Map, Set, Date, RegExp]
  const kindTags = ['m', 's', 'd', 'r']
  const kindPrototypes = [Map.prototype, Set.prototype, Date.prototype, RegExp.prototype]
  const boxed = [Number, String, Boolean, BigInt, Symbol]
  const boxedPrototypes = []
  const unboxed = []
  for (let i = 0; i < boxed.length; i++) {
    boxedPrototypes[i] = boxed[i].prototype
    unboxed[i] = uncurried(boxed[i].prototype.valueOf)
  }
  const typed = [
    ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
    ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
  ]
  const typedPrototypes = typed.map((kind) => kind.prototype)
  const typedLength = getterOf(getPrototypeOf(Int8Array.prototype), 'length')
  const objectPrototype = Object.prototype
  const errorPrototype = Error.prototype
  const isPrototypeOf = uncurried(Object.prototype.isPrototypeOf)
  const errors = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
  const errorNames = errors.map((kind) => kind.name)
  const [mapGet, mapSet, mapClear, mapForEach] = ['get', 'set', 'clear', 'forEach'].map((n) =>
    uncurried(Map.prototype[n]),
  )
  const [setAdd, setClear, setForEach] = ['add', 'clear', 'forEach'].map((n) => uncurried(Set.prototype[n]))
  const getTime = uncurried(Date.prototype.getTime)
  const [sourceOf, flagsOf] = ['source', 'flags'].map((name) => getterOf(RegExp.prototype, name))
  const bigIntText = uncurried(BigInt.prototype.toString)
  const descriptionOf = getterOf(Symbol.prototype, 'description')
  const [GenericError, NewMap, NewSet, NewDate, NewRegExp, NewSymbol] = [Error, Map, Set, Date, RegExp, Symbol]
  const isHexadecimal = (
    (test) => (text) =>
      test(/^-?[0-9a-f]+$/, text)
  )(uncurried(RegExp.prototype.test))

  /** A list that inherits nothing. */
  const list = () => setPrototypeOf([], null)
  const cell = (tag, a, b, c, d) => {
    const made = list()
    made[0] = tag
    if (a !== undefined) made[1] = a
    if (b !== undefined) made[2] = b
    if (c !== undefined) made[3] = c
    if (d !== undefined) made[4] = d
    return made
  }
  const define = (target, key, value) => {
    const descriptor = create(null)
    descriptor.value = value
    descriptor.writable = descriptor.enumerable = descriptor.configurable = true
    return defineProperty(target, key, descriptor)
  }

  /** The tag of an object that is copied in either realm; 'v' for a boxed value, undefined for any other object. */
  function commonKindOf(value) {
    if (isArray(value)) return 'a'
    const prototype = getPrototypeOf(value)
    for (let i = 0; i < kinds.length; i++) if (prototype === kindPrototypes[i]) return kindTags[i]
    for (let i = 0; i < typed.length; i++) if (prototype === typedPrototypes[i]) return 't'
    for (let i = 0; i < boxed.length; i++) if (prototype === boxedPrototypes[i]) return 'v'
    if (isPrototypeOf(errorPrototype, value)) return 'e'
    if (own.classOf(prototype) !== undefined) return 'c'
    return undefined
  }

  function unbox(value) {
    const prototype = getPrototypeOf(value)
    for (let i = 0; i < boxed.length; i++) if (prototype === boxedPrototypes[i]) return unboxed[i](value)
    return undefined
  }

  /**
   * Packs values, and what they hold, into cells and nodes. `sent` maps the objects of the request that is answered to their
   * numbers. More values can be added until `finish`.
   */
  function packer(sent) {
    const nodes = list()
    const objects = list()
    const tags = list()
    const numbers = new NewMap()

    function cellOf(value) {
      switch (typeof value) {
        case 'string':
        case 'boolean':
          return value
        case 'number':
          return value - value === 0 && !is(value, -0) ? value : cell('n', is(value, -0) ? '-0' : `${value}`)
        case 'undefined':
          return cell('u')
        case 'bigint':
          return cell('b', bigIntText(value, 16))
        case 'symbol':
          return cell('y', descriptionOf(value) ?? '')
      }
      if (value === null) return null
      const foreign = own.foreignCell(value)
      if (foreign !== undefined) return foreign
      if (typeof value === 'function') return own.reference(value)
      const before = sent === undefined ? undefined : mapGet(sent, value)
      if (before !== undefined) return cell('<', before)
      let number = mapGet(numbers, value)
      if (number === undefined) {
        const tag = own.kindOf(value, commonKindOf)
        if (tag === '') return own.reference(value)
        if (tag === 'v') return cellOf(unbox(value))
        number = objects.length
        objects[number] = value
        tags[number] = tag
        mapSet(numbers, value, number)
      }
      return cell('@', number)
    }

    function nodeOf(value, tag) {
      const node = list()
      node[0] = tag
      const put = (item) => {
        node[node.length] = item
      }
      const putFields = (isKept) => {
        const names = own.fieldsOf(value, keys)
        for (let i = 0; i < names.length; i++) {
          const item = own.valueAt(value, names[i])
          if (!isKept(names[i], item)) continue
          put(names[i])
          put(cellOf(item))
        }
      }
      switch (tag) {
        case 'a':
          for (let i = 0; i < value.length; i++) put(cellOf(value[i]))
          break
        case 'o':
          putFields(() => true)
          break
        case 'c':
          put(own.classOf(getPrototypeOf(value)))
          putFields(() => true)
          break
        case 'm':
          mapForEach(value, (item, key) => {
            put(cellOf(key))
            put(cellOf(item))
          })
          break
        case 's':
          setForEach(value, (item) => put(cellOf(item)))
          break
        case 'd':
          put(cellOf(getTime(value)))
          break
        case 'r':
          put(sourceOf(value))
          put(flagsOf(value))
          break
        case 't':
          for (let i = 0; i < typed.length; i++) if (getPrototypeOf(value) === typedPrototypes[i]) put(i)
          for (let i = 0, length = typedLength(value); i < length; i++) put(cellOf(value[i]))
          break
        case 'e': {
          const { name, message } = value
          put(typeof name === 'string' ? name : 'Error')
          put(typeof message === 'string' ? message : '')
          put(own.errorId(value))
          putFields((key, item) => key !== 'name' && key !== 'message' && key !== 'stack' && typeof item !== 'function')
          break
        }
      }
      return node
    }

    const finish = () => {
      for (let i = nodes.length; i < objects.length; i++) nodes[i] = nodeOf(objects[i], tags[i])
      return nodes
    }
    return { cellOf, nodeOf, finish, objects, numbers }
  }

  function isSame(before, after) {
    if (typeof before !== 'object' || before === null || typeof after !== 'object' || after === null)
      return before === after
    // What was the sender's is now the receiver's.
    const tag = before[0] === '@' ? '<' : before[0] === 'h' ? 'H' : before[0] === 'H' ? 'h' : before[0]
    return tag === after[0] && before[1] === after[1]
  }

  /**
   * The nodes of a request's objects that are no longer as they were sent, each after its number. To be called before `finish`.
   */
  function changes(packed, request) {
    const found = list()
    for (let i = 0; i < request.nodes.length; i++) {
      const node = request.nodes[i]
      if (node[0] === 'd' || node[0] === 'r' || node[0] === 'e') continue
      const after = packed.nodeOf(request.objects[i], node[0])
      let isChanged = after.length !== node.length
      for (let k = 1; k < node.length && !isChanged; k++) isChanged = !isSame(node[k], after[k])
      if (!isChanged) continue
      found[found.length] = i
      found[found.length] = after
    }
    return found
  }

  /** What a message's cells and nodes mean. `sent` are the objects of the request that the message answers. */
  function unpack(nodes, sent) {
    if (!isArray(nodes)) own.fail()
    const objects = list()
    const string = (value) => (typeof value === 'string' ? value : own.fail())

    function valueOf(value) {
      if (typeof value !== 'object' || value === null) return value
      if (!isArray(value)) own.fail()
      const payload = value[1]
      switch (value[0]) {
        case 'u':
          return undefined
        case 'n':
          return +string(payload)
        case 'b': {
          if (!isHexadecimal(string(payload))) own.fail()
          return payload[0] === '-' ? -bigInt('0x' + rest(payload)) : bigInt('0x' + payload)
        }
        case 'y':
          return NewSymbol(string(payload))
        case '@':
          return at(objects, payload)
        case '<':
          return sent === undefined ? own.fail() : at(sent, payload)
        case 'h':
        case 'H':
        case 'i':
          return own.dereference(value)
      }
      return own.fail()
    }

    function at(values, number) {
      if (!isSafeInteger(number) || number < 0 || number >= values.length) own.fail()
      return values[number]
    }

    function emptied(node) {
      switch (node[0]) {
        case 'a':
          return []
        case 'o':
          return {}
        case 'c':
          return create(own.prototypeOf(string(node[1])) ?? objectPrototype)
        case 'm':
          return new NewMap()
        case 's':
          return new NewSet()
        case 'd': {
          const time = valueOf(node[1])
          return new NewDate(typeof time === 'number' ? time : own.fail())
        }
        case 'r':
          return new NewRegExp(string(node[1]), string(node[2]))
        case 't': {
          const kind = at(typed, node[1])
          return new kind(node.length - 2)
        }
        case 'e': {
          const name = string(node[1])
          let kind = GenericError
          for (let i = 0; i < errors.length; i++) if (errorNames[i] === name) kind = errors[i]
          const made = new kind(string(node[2]))
          if (kind === GenericError && name !== 'Error') define(made, 'name', name)
          own.receiveError(made, node[3])
          return made
        }
      }
      return own.fail()
    }

    /** Puts what a node says into an object that is empty. */
    function fill(target, node) {
      switch (node[0]) {
        case 'a':
          for (let i = 1; i < node.length; i++) target[i - 1] = valueOf(node[i])
          break
        case 'o':
          fillFields(target, node, 1)
          break
        case 'c':
          fillFields(target, node, 2)
          break
        case 'e':
          fillFields(target, node, 4)
          break
        case 'm':
          for (let i = 1; i + 1 < node.length; i += 2) mapSet(target, valueOf(node[i]), valueOf(node[i + 1]))
          break
        case 's':
          for (let i = 1; i < node.length; i++) setAdd(target, valueOf(node[i]))
          break
        case 't':
          for (let i = 2; i < node.length; i++) {
            const item = valueOf(node[i])
            if (typeof item !== 'number' && typeof item !== 'bigint') own.fail()
            target[i - 2] = item
          }
          break
      }
    }

    function fillFields(target, node, from, isKept) {
      for (let i = from; i + 1 < node.length; i += 2) {
        const key = own.key(node[i])
        const item = valueOf(node[i + 1])
        if (isKept === undefined ? own.accepts(target, node[0], key, item) : isKept(key, item))
          define(target, key, item)
      }
    }

    /** Makes an object of the request as the other realm left it. */
    function refill(number, node) {
      const target = at(sent, number)
      if (!isArray(node)) own.fail()
      switch (node[0]) {
        case 'a':
          if (!isArray(target)) own.fail()
          target.length = 0
          break
        case 'm':
          mapClear(target)
          break
        case 's':
          setClear(target)
          break
        case 't':
          if (typedLength(target) !== node.length - 2) own.fail()
          break
        case 'o':
        case 'c': {
          const names = keys(target)
          const had = create(null)
          for (let i = 0; i < names.length; i++) {
            had[names[i]] = true
            deleteProperty(target, names[i])
          }
          // Methods of an instance were sent as if they were its own.
          const isMethod = (key, item) =>
            typeof item === 'function' && had[key] !== true && own.foreignCell(item) === undefined
          fillFields(target, node, node[0] === 'c' ? 2 : 1, (key, item) => !isMethod(key, item))
          return
        }
        default:
          own.fail()
      }
      fill(target, node)
    }

    for (let i = 0; i < nodes.length; i++) objects[i] = isArray(nodes[i]) ? emptied(nodes[i]) : own.fail()
    for (let i = 0; i < nodes.length; i++) fill(objects[i], nodes[i])
    return { valueOf, refill, objects, nodes }
  }

  const rest = (
    (slice) => (text) =>
      slice(text, 1)
  )(uncurried(String.prototype.slice))
  return { packer, changes, unpack, stringify, parse, list, cell, define, uncurried }
})

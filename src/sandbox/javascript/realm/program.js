/**
 * The program's side of the boundary, set up before the program runs. It answers whatever the tests ask, and reaches the
 * tests by calling functions that they handed out. Nothing in the tests' realm relies on what happens here.
 *
 * Evaluates to a function of `send`, which carries a call to the tests and brings back the answer, and the maker of the codec;
 * the result is `{ begin, answer, describe }`, functions from text to text.
 */
;(function (send, makeCodec) {
  'use strict'
  const { apply, construct, getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Reflect
  const { create, keys } = Object
  const evaluate = eval
  const [ThePromise, TheError, NewMap] = [Promise, Error, Map]
  const then = Promise.prototype.then
  const objectPrototype = Object.prototype
  const functionHasInstance = Function.prototype[Symbol.hasInstance]
  const errorPrototypes = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
    (kind) => kind.prototype,
  )
  const knownSymbols = [Symbol.iterator, Symbol.asyncIterator]
  const builtIns = builtInFunctions()
  const ids = new WeakMap() // object of this realm -> id
  const kept = new Map() // id -> object of this realm
  const proxies = new Map() // id of an object of the tests -> what stands for it here
  const foreign = new WeakMap() // what stands for an object of the tests -> its id
  const handedBuiltIns = new WeakMap() // built-in function that the tests handed over -> its path
  const settlers = new Map() // id of a promise of the tests -> what settles the one here
  // Names of classes that the tests have as well.
  let classNames = []
  let lastId = 0

  const own = {
    fail() {
      throw new TheError('a message that cannot be read')
    },
    kindOf(value, commonKindOf) {
      return commonKindOf(value) ?? (isData(value) ? 'o' : '')
    },
    fieldsOf: (value, keysOf) => keysOf(value),
    valueAt: (value, key) => value[key],
    key: (key) => (typeof key === 'number' ? knownSymbols[key] : key),
    foreignCell(value) {
      const id = get(foreign, value)
      if (id !== undefined) return cell('H', id)
      const path = typeof value === 'function' ? get(handedBuiltIns, value) : undefined
      return path === undefined ? undefined : cell('i', path)
    },
    reference(value) {
      let id = get(ids, value)
      const isNew = id === undefined
      if (isNew) {
        id = ++lastId
        set(ids, value, id)
        mapSet(kept, id, value)
      }
      if (typeof value === 'function') return cell('h', id, 'f')
      if (!isPromise(value)) return cell('h', id, 'o')
      if (isNew) {
        const settle = (isKept) => (result) => {
          settled[settled.length] = [id, isKept, result]
        }
        apply(then, value, [settle(true), settle(false)])
      }
      return cell('h', id, 'p')
    },
    dereference(reference) {
      const id = reference[1]
      if (reference[0] === 'H') return mapGet(kept, id)
      if (reference[0] === 'i') {
        const builtIn = builtIns[id]
        set(handedBuiltIns, builtIn, id)
        return builtIn
      }
      if (!mapHas(proxies, id)) {
        const made = reference[2] === 'p' ? promiseOf(id) : functionOf(id, reference[3], reference[4])
        mapSet(proxies, id, made)
        set(foreign, made, id)
      }
      return mapGet(proxies, id)
    },
    accepts: () => true,
    errorId(value) {
      const prototype = getPrototypeOf(value)
      for (let i = 0; i < errorPrototypes.length; i++) if (prototype === errorPrototypes[i]) return 0
      return own.reference(value)[1]
    },
    receiveError: () => undefined,
    classOf(prototype) {
      for (let i = 0; i < classNames.length; i++) if (prototypeOf(classNames[i]) === prototype) return classNames[i]
      return undefined
    },
    prototypeOf,
  }
  const codec = makeCodec(own)
  const { cell, list, parse, stringify, uncurried } = codec
  const [get, set] = [uncurried(WeakMap.prototype.get), uncurried(WeakMap.prototype.set)]
  const [mapGet, mapSet, mapHas] = ['get', 'set', 'has'].map((name) => uncurried(Map.prototype[name]))
  const isInstanceOfPromise = uncurried(Object.prototype.isPrototypeOf)
  const isPromise = (value) => isInstanceOfPromise(ThePromise.prototype, value)
  // Promises that the tests wait for: id, whether it was fulfilled, and with what.
  let settled = list()

  /** The functions that every realm has by itself, by their paths, such as `Math.max`. */
  function builtInFunctions() {
    const found = create(null)
    const holders = Object.getOwnPropertyNames(globalThis)
    for (const holder of holders) {
      const value = globalThis[holder]
      if (value === null || (typeof value !== 'object' && typeof value !== 'function') || value === globalThis) continue
      if (typeof value === 'function') found[holder] = value
      for (const name of Object.getOwnPropertyNames(value)) {
        const member = getOwnPropertyDescriptor(value, name).value
        if (typeof member === 'function' && name !== 'constructor') found[`${holder}.${name}`] = member
      }
    }
    return found
  }

  /** Whether an object is nothing but data: then it is copied; one with methods stays. */
  function isData(value) {
    const prototype = getPrototypeOf(value)
    if (prototype !== objectPrototype && prototype !== null) return false
    const names = keys(value)
    for (let i = 0; i < names.length; i++) {
      const descriptor = getOwnPropertyDescriptor(value, names[i])
      // One with getters does something, too.
      if (descriptor === undefined || descriptor.get !== undefined || typeof descriptor.value === 'function')
        return false
    }
    for (let i = 0; i < knownSymbols.length; i++) {
      if (getOwnPropertyDescriptor(value, knownSymbols[i]) !== undefined) return false
    }
    return true
  }

  function prototypeOf(name) {
    try {
      const found = evaluate(name)
      return typeof found === 'function' ? found.prototype : undefined
    } catch {
      return undefined
    }
  }

  function functionOf(id, length, name) {
    // A method: it has a `this`, and cannot be constructed.
    const { called } = {
      called(...args) {
        const packed = codec.packer(undefined)
        const cells = list()
        cells[0] = packed.cellOf(this)
        for (let i = 0; i < args.length; i++) cells[i + 1] = packed.cellOf(args[i])
        const nodes = packed.finish()
        const reply = parse(send(stringify(cell('call', id, cells, nodes))))
        const unpacked = codec.unpack(reply[2], packed.objects)
        const value = unpacked.valueOf(reply[1])
        if (reply[0] === 'throw') throw value
        const updates = reply[3]
        for (let i = 0; i + 1 < updates.length; i += 2) unpacked.refill(updates[i], updates[i + 1])
        return value
      },
    }
    describeFunction(called, 'length', length)
    describeFunction(called, 'name', name)
    return called
  }

  function describeFunction(target, key, value) {
    const descriptor = create(null)
    descriptor.value = value
    descriptor.configurable = true
    defineProperty(target, key, descriptor)
  }

  function promiseOf(id) {
    return new ThePromise((resolve, reject) => mapSet(settlers, id, [resolve, reject]))
  }

  /** A request with its objects, and its values. */
  function received(cells, nodes) {
    const unpacked = codec.unpack(nodes, undefined)
    const values = list()
    for (let i = 0; i < cells.length; i++) values[i] = unpacked.valueOf(cells[i])
    return { unpacked, values }
  }

  /** An answer with a value. */
  function reply(value) {
    const packed = codec.packer(undefined)
    const result = packed.cellOf(value)
    return cell('ok', result, packed.finish(), list())
  }

  /**
   * An answer to a call: the value, and what became of the objects that the call brought, if the tests are to see that. They
   * say so: 0 never, 2 always, 1 if the function returns nothing, or one of them, or the object whose method it is.
   */
  function replyToCall(value, request, self, sees) {
    const sent = new NewMap()
    for (let i = 0; i < request.objects.length; i++) mapSet(sent, request.objects[i], i)
    const packed = codec.packer(sent)
    const result = packed.cellOf(value)
    const updates = codec.changes(packed, request)
    const isSeen = sees === 2 || (sees === 1 && (value === undefined || value === self || mapHas(sent, value)))
    // Otherwise what the value holds of them is a copy.
    return updates.length === 0 || isSeen ? cell('ok', result, packed.finish(), updates) : reply(value)
  }

  function perform(request) {
    const target = mapGet(kept, request[1])
    switch (request[0]) {
      case 'lookup': {
        let value
        try {
          value = evaluate(request[1])
        } catch {
          return cell('missing')
        }
        return reply(value)
      }
      case 'call':
      case 'new': {
        const { unpacked, values } = received(request[2], request[3])
        const args = list()
        for (let i = 1; i < values.length; i++) args[i - 1] = values[i]
        const value = request[0] === 'new' ? construct(target, args) : apply(target, values[0], args)
        return replyToCall(value, unpacked, values[0], request[4])
      }
      case 'get':
        return reply(target[symbolOr(request[2])])
      case 'set':
        target[symbolOr(request[2])] = received(request[3], request[4]).values[0]
        return reply(undefined)
      case 'has':
        return reply(symbolOr(request[2]) in target)
      case 'delete':
        return reply(delete target[request[2]])
      case 'keys':
        return reply(keys(target))
      case 'instance':
        return reply(apply(functionHasInstance, target, received(request[2], request[3]).values))
      case 'settled': {
        const now = settled
        settled = list()
        return reply(now)
      }
      case 'settle': {
        const settler = mapGet(settlers, request[1])
        settler[request[2] ? 0 : 1](received(request[3], request[4]).values[0])
        return reply(undefined)
      }
    }
    return cell('missing')
  }

  function answer(text) {
    try {
      return stringify(perform(parse(text)))
    } catch (reason) {
      try {
        const packed = codec.packer(undefined)
        const thrown = packed.cellOf(reason)
        return stringify(cell('throw', thrown, packed.finish()))
      } catch {
        return '["throw",["@",0],[["e","Error","what was thrown cannot be read",0]]]'
      }
    }
  }

  const symbolOr = (key) => (typeof key === 'number' ? knownSymbols[key] : key)

  /** `TypeError: not a function`, of whatever was thrown. */
  function describe(error) {
    try {
      if (typeof error !== 'object' || error === null) return `thrown: ${error}`
      const { name, message } = error
      return `${typeof name === 'string' ? name : 'Error'}: ${typeof message === 'string' ? message : ''}`
    } catch {
      return 'an exception that cannot be read'
    }
  }

  function begin(names) {
    classNames = parse(names)
    return ''
  }

  return { begin, answer, describe }
})

/**
 * The tests' side of the boundary. Of the program it asks whatever the tests ask for; the program can do one thing here: call
 * functions that the tests handed out, by their numbers. What comes from the program is checked piece by piece; the run ends
 * with the first message that is not as it has to be.
 *
 * Evaluates to a function of `send`, which carries a request to the program and brings back the answer, `end`, which ends the
 * run, the maker of the codec, a map of the realm's own functions and their paths, the and classes that the program has as
 * well. The result is `{ answer, lookup, settle, watcher, policy, withhold, isForeign }`.
 */
;(function (send, end, makeCodec, builtInPaths, sharedClasses) {
  'use strict'
  const { apply, ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect
  const { isArray } = Array
  const { isSafeInteger } = Number
  const knownSymbols = [Symbol.iterator, Symbol.asyncIterator]
  // Objects of the program's classes are no plain objects.
  const foreignPrototype = Object.create(Object.prototype)
  const handedOut = new Map() // id -> function that the program may call
  const ids = new WeakMap() // function or promise that was handed out -> id
  const proxies = new Map() // id of an object of the program -> its proxy
  const foreign = new WeakMap() // proxy -> id
  const errors = new WeakMap() // copy of an error of one of the program's classes -> id of the error
  const pending = new Map() // id of a promise of the program -> what settles the one here
  const constructed = new Set() // ids of objects that the tests made, or found by name
  const handedBuiltIns = new Map() // path -> built-in function that was handed out
  const withheld = new WeakSet()
  // Whether changes to arguments are seen, if that is given for the whole run; and what names are looked up in.
  const policy = { isInPlace: null, scope: null }
  const sees = new Map() // id of a function that was found by its name -> when they are seen (see seesOf)
  const watcher = { onProgramError: () => undefined, onThrow: () => undefined }
  const counted = new Set() // ids of objects that said how long they are
  const listed = new Set() // ids of objects that said what they hold
  let lastId = 0

  // Such an object has no value as a number or text: it equals nothing but itself, and arithmetic with it fails.
  const noPrimitive = () => Symbol('an object of the program')
  // By these an array or a string is judged. What a call returned, and has them, is no array and would judge itself.
  const judging = new Set(
    'every some includes indexOf lastIndexOf findIndex findLastIndex startsWith endsWith localeCompare'.split(' '),
  )
  // By these one is gone through. What has them and a length, and is no array, may hold something else than it says.
  const listing = new Set('forEach map flatMap filter reduce reduceRight find findLast join slice split'.split(' '))
  listing.add(Symbol.iterator)

  /** Refuses what an array or a string would be asked, of an object that a call returned. */
  function checkKind(id, key) {
    if (constructed.has(id)) return
    if (key === 'length') counted.add(id)
    if (listing.has(key)) listed.add(id)
    if (judging.has(key) || (counted.has(id) && listed.has(id))) {
      throw new TypeError(`what the program returned is an object with '${String(key)}' of its own, no array or string`)
    }
  }

  function fail() {
    end('the answer of the program is not readable')
    throw new Error('the answer of the program is not readable')
  }

  const codec = makeCodec({
    fail,
    kindOf: (value, commonKindOf) => commonKindOf(value) ?? (value instanceof Promise ? '' : 'o'),
    fieldsOf(value, keysOf) {
      const names = keysOf(value)
      for (let i = 0; i < knownSymbols.length; i++) if (Object.hasOwn(value, knownSymbols[i])) names.push(i)
      for (let holder = getPrototypeOf(value); ; holder = getPrototypeOf(holder)) {
        if (holder === null || holder === Object.prototype || value instanceof Error) return names
        if (sharedClasses.has(holder)) return names
        for (const key of ownKeys(holder)) {
          const name = typeof key === 'symbol' ? knownSymbols.indexOf(key) : key
          if (name !== -1 && name !== 'constructor' && !names.includes(name)) names.push(name)
        }
      }
    },
    valueAt(value, name) {
      const key = typeof name === 'number' ? knownSymbols[name] : name
      const item = value[key]
      // A method of an instance: the program gets a copy of the instance, and what the method does it does here.
      if (typeof item !== 'function' || Object.hasOwn(value, key) || foreign.has(item)) return item
      return (...args) => apply(item, value, args)
    },
    key: (key) => (typeof key === 'string' ? key : fail()),
    foreignCell(value) {
      const id = foreign.get(value)
      return id === undefined ? undefined : codec.cell('H', id)
    },
    reference(value) {
      if (withheld.has(value)) throw new TypeError('the tests cannot hand this function to the program')
      const path = builtInPaths.get(value)
      if (path !== undefined) {
        if (path === '') throw new TypeError('the tests cannot hand this built-in function to the program')
        handedBuiltIns.set(path, value)
        return codec.cell('i', path)
      }
      let id = ids.get(value)
      const isNew = id === undefined
      if (isNew) ids.set(value, (id = ++lastId))
      if (value instanceof Promise) {
        if (isNew) {
          value.then(
            (result) => sendSettled(id, true, result),
            (reason) => {
              watcher.onThrow(reason)
              sendSettled(id, false, reason)
            },
          )
        }
        return codec.cell('h', id, 'p')
      }
      handedOut.set(id, value)
      return codec.cell('h', id, 'f', +value.length || 0, typeof value.name === 'string' ? value.name : '')
    },
    dereference(reference) {
      const id = reference[1]
      if (reference[0] === 'i') return handedBuiltIns.get(id) ?? fail()
      if (!isSafeInteger(id)) fail()
      if (reference[0] === 'H') return handedOut.get(id) ?? fail()
      const known = proxies.get(id)
      if (known !== undefined) return known
      const kind = reference[2]
      if (kind !== 'f' && kind !== 'o' && kind !== 'p') fail()
      const made = kind === 'p' ? promiseOf(id) : proxyOf(id, kind === 'f')
      proxies.set(id, made)
      foreign.set(made, id)
      return made
    },
    accepts(target, tag, key, item) {
      // What its class has is the class's; elsewhere functions would be asked where data is meant, as by valueOf.
      if (tag === 'c') return !(key in getPrototypeOf(target))
      return typeof item === 'function' ? fail() : true
    },
    errorId: () => 0,
    receiveError(made, id) {
      if (!isSafeInteger(id)) fail()
      if (id > 0) errors.set(made, id)
    },
    classOf: (prototype) => sharedClasses.get(prototype),
    prototypeOf(name) {
      for (const [prototype, known] of sharedClasses) if (known === name) return prototype
      return fail()
    },
  })

  function listOf(text) {
    let list
    try {
      list = codec.parse(text)
    } catch {
      fail()
    }
    return isArray(list) ? list : fail()
  }

  /** The answer to a request: what it holds, still packed. Throws what the program threw. */
  function ask(request, sent) {
    const reply = listOf(send(codec.stringify(request)))
    if (reply[0] === 'missing') return null
    if (reply[0] !== 'ok' && reply[0] !== 'throw') fail()
    const unpacked = codec.unpack(reply[2], sent)
    const value = unpacked.valueOf(reply[1])
    if (reply[0] === 'throw') {
      watcher.onProgramError(value)
      throw value
    }
    return { value, unpacked, updates: isArray(reply[3]) ? reply[3] : fail() }
  }
  const valueOf = (request) => (ask(request) ?? fail()).value

  function packed(values) {
    const packer = codec.packer(undefined)
    const cells = values.map(packer.cellOf)
    return { cells, nodes: packer.finish(), ...packer }
  }

  /** When tests see what is done to arguments: 0 never, 2 always, 1 if nothing but them, or nothing, is returned. */
  function seesOf(id) {
    return policy.isInPlace === null ? (sees.get(id) ?? 1) : policy.isInPlace ? 2 : 0
  }

  function call(kind, id, self, args) {
    const { cells, nodes, objects } = packed([self, ...args])
    const when = seesOf(id)
    const { value, unpacked, updates } = ask([kind, id, cells, nodes, when], objects) ?? fail()
    const isSeen =
      when === 2 || (when === 1 && (value === undefined || value === self || Array.from(objects).includes(value)))
    if (updates.length > 0 && !isSeen) fail()
    for (let i = 0; i + 1 < updates.length; i += 2) unpacked.refill(updates[i], updates[i + 1])
    const made = foreign.get(value)
    if (made !== undefined && (kind === 'new' || constructed.has(foreign.get(self)))) constructed.add(made)
    return value
  }

  function proxyOf(id, isFunction) {
    const keyOf = (key) => (typeof key === 'string' ? key : knownSymbols.indexOf(key))
    const get = (_, key) => {
      if (key === Symbol.toPrimitive) return noPrimitive
      if (key === Symbol.hasInstance)
        return (value) => (foreign.has(value) || errors.has(value)) && isInstance(id, value)
      if (keyOf(key) === -1) return undefined
      checkKind(id, key)
      return valueOf(['get', id, keyOf(key)])
    }
    return new Proxy(isFunction ? function () {} : {}, {
      get,
      set(_, key, value) {
        if (keyOf(key) === -1) return false
        const { cells, nodes } = packed([value])
        ask(['set', id, keyOf(key), cells, nodes])
        return true
      },
      has: (_, key) => keyOf(key) !== -1 && valueOf(['has', id, keyOf(key)]) === true,
      deleteProperty: (_, key) => typeof key === 'string' && valueOf(['delete', id, key]) === true,
      // Where a name was looked up in the scope of the tests, that is no this.
      apply: (_, self, args) => call('call', id, self === policy.scope ? undefined : self, args),
      construct(_, args) {
        const made = call('new', id, undefined, args)
        return Object(made) === made ? made : fail()
      },
      getPrototypeOf: () => (isFunction ? Function.prototype : foreignPrototype),
      setPrototypeOf: () => false,
      preventExtensions: () => false,
      defineProperty: () => false,
      ownKeys(target) {
        if (isFunction) return ownKeys(target)
        const keys = valueOf(['keys', id])
        return isArray(keys) && keys.every((key) => typeof key === 'string') ? [...new Set(keys)] : fail()
      },
      getOwnPropertyDescriptor(target, key) {
        if (isFunction) return getOwnPropertyDescriptor(target, key)
        if (typeof key !== 'string' || valueOf(['has', id, key]) !== true) return undefined
        return { value: get(target, key), enumerable: true, configurable: true, writable: true }
      },
    })
  }

  function isInstance(id, value) {
    const cell = errors.has(value) ? codec.cell('H', errors.get(value)) : codec.packer(undefined).cellOf(value)
    return valueOf(['instance', id, [cell], []]) === true
  }

  function promiseOf(id) {
    return new Promise((resolve, reject) => pending.set(id, { resolve, reject }))
  }

  function sendSettled(id, isKept, result) {
    const { cells, nodes } = packed([result])
    ask(['settle', id, isKept, cells, nodes])
  }

  /** Settles the promises here whose promises in the program are settled; returns how many those are. */
  function settle() {
    if (pending.size === 0) return 0
    const settled = valueOf(['settled'])
    if (!isArray(settled)) fail()
    for (const entry of settled) {
      if (!isArray(entry) || entry.length !== 3) fail()
      const promise = pending.get(entry[0]) ?? fail()
      pending.delete(entry[0])
      if (entry[1] === true) promise.resolve(entry[2])
      else {
        watcher.onProgramError(entry[2])
        promise.reject(entry[2])
      }
    }
    return settled.length
  }

  /** Answers the program, which asks for calls. */
  function answer(text) {
    const request = listOf(text)
    if (request[0] !== 'call' || !isArray(request[2])) fail()
    const target = isSafeInteger(request[1]) ? (handedOut.get(request[1]) ?? fail()) : fail()
    const unpacked = codec.unpack(request[3], undefined)
    const [self, ...args] = request[2].map(unpacked.valueOf)
    try {
      const value = apply(target, self, args)
      const numbers = new Map(Array.from(unpacked.objects, (object, number) => [object, number]))
      const packer = codec.packer(numbers)
      const result = packer.cellOf(value)
      const updates = codec.changes(packer, unpacked)
      return codec.stringify(['ok', result, packer.finish(), updates])
    } catch (reason) {
      watcher.onThrow(reason)
      const { cells, nodes } = packed([reason])
      return codec.stringify(['throw', cells[0], nodes])
    }
  }

  /** What the program calls by a name, as `{ value }`, or null. */
  function lookup(name, whenSeen) {
    const found = ask(['lookup', name])
    const id = foreign.get(found?.value)
    if (id === undefined) return found
    constructed.add(id)
    sees.set(id, whenSeen)
    return found
  }

  const withhold = (value) => withheld.add(value)
  const isForeign = (value) => foreign.has(value)
  return { answer, lookup, settle, watcher, policy, withhold, isForeign }
})

/**
 * What each of the two realms runs first, as text: one realm holds the program, the other one its tests. Data crosses from one
 * to the other by copy, as JSON with tags; functions, instances of classes and promises stay where they are and are reached
 * through proxies. So nothing that a program does to its own built-in objects reaches the tests.
 *
 * Evaluates to a function of `remote`, which sends a request to the other realm and returns the answer, both as text. The
 * result is `{ handle, lookup }`: what answers the other realm's requests, and what finds a name there. Everything that is
 * used later is taken from the realm before foreign code can change it.
 */
export const realmSource = String.raw`
(function (remote) {
  'use strict'
  const { stringify, parse } = JSON
  const { apply, construct, get, set, has, ownKeys, getPrototypeOf } = Reflect
  const { isArray } = Array
  const { is, create } = Object
  const [O, M, S, D, R, E, P, F, A] = [Object, Map, Set, Date, RegExp, Error, Promise, Function, Array]
  const evaluate = eval
  const typed = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array]
  const errors = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError }
  const symbols = { iterator: Symbol.iterator, asyncIterator: Symbol.asyncIterator, toPrimitive: Symbol.toPrimitive, toStringTag: Symbol.toStringTag, hasInstance: Symbol.hasInstance }
  const then = P.prototype.then
  // Instances of the other realm's classes are no plain objects.
  const foreignPrototype = create(O.prototype)
  const own = new Map()       // id -> object of this realm
  const ids = new WeakMap()   // object of this realm -> id
  const proxies = new Map()   // id -> proxy of an object of the other realm
  const foreign = new WeakMap() // proxy -> id
  const states = new Map()    // id of a promise -> its state
  let lastId = 0

  function encode(value, depth) {
    if (depth > 300) throw new RangeError('a value is nested too deeply')
    switch (typeof value) {
      case 'string': case 'boolean': return value
      case 'number': return value === value && value !== Infinity && value !== -Infinity && !is(value, -0) ? value : ['n', is(value, -0) ? '-0' : '' + value]
      case 'undefined': return ['u']
      case 'bigint': return ['b', '' + value]
      case 'symbol': return ['u']
    }
    if (value === null) return null
    if (foreign.has(value)) return ['H', foreign.get(value)]
    if (typeof value === 'object') {
      const list = (items) => { const out = []; for (let i = 0; i < items.length; i++) out[i] = encode(items[i], depth + 1); return out }
      const pairs = (items) => { const out = []; for (let i = 0; i < items.length; i++) out[i] = [encode(items[i][0], depth + 1), encode(items[i][1], depth + 1)]; return out }
      if (isArray(value)) return ['a', list(value)]
      const prototype = getPrototypeOf(value)
      if (prototype === O.prototype || prototype === null) {
        const out = []
        const keys = O.keys(value)
        for (let i = 0; i < keys.length; i++) out[i] = [keys[i], encode(value[keys[i]], depth + 1)]
        return ['o', out]
      }
      if (prototype === M.prototype) return ['m', pairs([...value])]
      if (prototype === S.prototype) return ['s', list([...value])]
      if (prototype === D.prototype) return ['d', +value]
      if (prototype === R.prototype) return ['r', value.source, value.flags]
      for (let i = 0; i < typed.length; i++) if (prototype === typed[i].prototype) return ['t', i, list([...value])]
      if (value instanceof E) return ['e', '' + value.name, '' + value.message]
      for (const type of [Number, String, Boolean]) if (prototype === type.prototype) return encode(value.valueOf(), depth + 1)
    }
    return reference(value)
  }

  function reference(value) {
    let id = ids.get(value)
    if (id === undefined) {
      id = ++lastId
      ids.set(value, id)
      own.set(id, value)
    }
    if (value instanceof P) {
      if (!states.has(id)) {
        states.set(id, ['pending'])
        apply(then, value, [(v) => states.set(id, ['value', v]), (e) => states.set(id, ['error', e])])
      }
      return ['p', id]
    }
    return ['h', id, typeof value === 'function' ? 1 : 0]
  }

  function decode(data) {
    if (!isArray(data)) return data
    const [tag, a, b] = data
    switch (tag) {
      case 'n': return +a
      case 'u': return undefined
      case 'b': return BigInt(a)
      case 'a': { const out = []; for (let i = 0; i < a.length; i++) out[i] = decode(a[i]); return out }
      case 'o': {
        const out = {}
        for (let i = 0; i < a.length; i++) O.defineProperty(out, a[i][0], { value: decode(a[i][1]), writable: true, enumerable: true, configurable: true })
        return out
      }
      case 'm': { const out = new M(); for (let i = 0; i < a.length; i++) out.set(decode(a[i][0]), decode(a[i][1])); return out }
      case 's': { const out = new S(); for (let i = 0; i < a.length; i++) out.add(decode(a[i])); return out }
      case 'd': return new D(a)
      case 'r': return new R(a, b)
      case 't': { const out = new typed[a](b.length); for (let i = 0; i < b.length; i++) out[i] = decode(b[i]); return out }
      case 'e': return error(a, b)
      case 'p': return promiseOf(a)
      case 'h': return proxyOf(a, b === 1)
      case 'H': return own.get(a)
    }
    throw new TypeError('a value of an unknown kind')
  }

  function error(name, message) {
    const type = O.prototype.hasOwnProperty.call(errors, name) ? errors[name] : E
    const made = new type(message)
    if (made.name !== name) O.defineProperty(made, 'name', { value: name, writable: true, configurable: true })
    return made
  }

  const ask = (request) => {
    const answer = parse(remote(stringify(request)))
    if (answer.error !== undefined) throw decode(answer.error)
    return answer
  }

  function callRemote(op, id, self, args) {
    const sent = encode(args, 0)
    const answer = ask({ op, id, self: encode(self, 0), args: sent })
    // What the other side did to arguments that it got a copy of is done to the originals.
    if (answer.args !== undefined) {
      const changed = decode(answer.args)
      for (let i = 0; i < args.length; i++) if (stringify(sent[1][i]) !== stringify(answer.args[1][i])) copyInto(args[i], changed[i])
    }
    return decode(answer.value)
  }

  function copyInto(target, source) {
    if (isArray(target) && isArray(source)) {
      target.length = 0
      for (let i = 0; i < source.length; i++) target[i] = source[i]
    } else if (target instanceof M || target instanceof S) {
      target.clear()
      for (const item of source) target instanceof M ? target.set(item[0], item[1]) : target.add(item)
    } else if (typeof target === 'object' && target !== null && !foreign.has(target)) {
      for (const key of O.keys(target)) delete target[key]
      for (const key of O.keys(source)) target[key] = source[key]
    }
  }

  function proxyOf(id, isFunction) {
    if (proxies.has(id)) return proxies.get(id)
    const key = (name) => {
      if (typeof name !== 'symbol') return name
      for (const known in symbols) if (symbols[known] === name) return '@@' + known
      return undefined
    }
    const proxy = new Proxy(isFunction ? function () {} : {}, {
      get: (_, name) => (key(name) === undefined ? undefined : decode(ask({ op: 'get', id, key: key(name) }).value)),
      set: (_, name, value) => (ask({ op: 'set', id, key: key(name), value: encode(value, 0) }), true),
      has: (_, name) => key(name) !== undefined && ask({ op: 'has', id, key: key(name) }).value,
      apply: (_, self, args) => callRemote('call', id, self, args),
      construct: (_, args) => callRemote('new', id, undefined, args),
      getPrototypeOf: () => (isFunction ? F.prototype : foreignPrototype),
      defineProperty: () => false,
      ownKeys: (target) => (isFunction ? ownKeys(target) : decode(ask({ op: 'keys', id }).value)),
      getOwnPropertyDescriptor: (target, name) =>
        isFunction
          ? Reflect.getOwnPropertyDescriptor(target, name)
          : { value: decode(ask({ op: 'get', id, key: key(name) }).value), enumerable: true, configurable: true, writable: true },
    })
    proxies.set(id, proxy)
    foreign.set(proxy, id)
    return proxy
  }

  function promiseOf(id) {
    if (proxies.has(id)) return proxies.get(id)
    const promise = new P((resolve, reject) => {
      try { resolve(decode(ask({ op: 'settle', id }).value)) } catch (reason) { reject(reason) }
    })
    proxies.set(id, promise)
    foreign.set(promise, id)
    return promise
  }

  const keyOf = (name) => (typeof name === 'string' && name[0] === '@' && name[1] === '@' ? symbols[name.slice(2)] : name)

  function handle(text) {
    try {
      const request = parse(text)
      const target = own.get(request.id)
      switch (request.op) {
        case 'lookup': {
          let value
          try { value = evaluate(request.name) } catch (reason) { return '{"missing":true}' }
          return stringify({ value: encode(value, 0) })
        }
        case 'get': return stringify({ value: encode(target[keyOf(request.key)], 0) })
        case 'set': target[keyOf(request.key)] = decode(request.value); return '{}'
        case 'keys': return stringify({ value: encode(O.keys(target), 0) })
        case 'has': return stringify({ value: keyOf(request.key) in target })
        case 'settle': {
          const state = states.get(request.id)
          if (state[0] === 'value') return stringify({ value: encode(state[1], 0) })
          return stringify({ error: state[0] === 'error' ? encode(state[1], 0) : ['e', 'Error', 'a promise is never settled'] })
        }
        case 'call': case 'new': {
          const args = decode(request.args)
          const value = request.op === 'new' ? construct(target, args) : apply(target, decode(request.self), args)
          const answer = { value: encode(value, 0) }
          const changed = encode(args, 0)
          if (stringify(changed) !== stringify(request.args)) answer.args = changed
          return stringify(answer)
        }
      }
    } catch (reason) {
      let encoded
      try { encoded = reason instanceof E ? ['e', '' + reason.name, '' + reason.message] : encode(reason, 0) } catch (again) { encoded = ['e', 'Error', 'what was thrown cannot be read'] }
      return stringify({ error: encoded })
    }
    return '{}'
  }

  function lookup(name) {
    const answer = parse(remote(stringify({ op: 'lookup', name })))
    return answer.missing === true ? null : { value: decode(answer.value) }
  }

  return { handle, lookup }
})
`

import { callBlock, macro } from './macros.js'
import { evaluate, filtered } from './interpreter.js'
import { Writer, toText } from './print.js'
import type { Scope } from './scope.js'
import type { Node, Target } from './syntax.js'
import { Loop, Namespace, TemplateError, isTrue, itemsOf, typeName } from './values.js'
import type { Value } from './values.js'

/** What ends a pass of a loop, or all of it, from within. */
class LoopControl extends Error {
  constructor(readonly type: 'Break' | 'Continue') {
    super(`${type.toLowerCase()} stands outside a loop`)
  }
}

/** The text that statements print. */
export function render(statements: readonly Node[], scope: Scope): string {
  const writer = new Writer(scope.meter)
  for (const statement of statements) execute(statement, scope, writer)
  return writer.text()
}

function execute(node: Node, scope: Scope, writer: Writer): void {
  switch (node.type) {
    case 'Comment':
      return
    case 'If':
      for (const statement of isTrue(evaluate(node.test, scope)) ? node.body : node.alternate) {
        execute(statement, scope, writer)
      }
      return
    case 'For':
      loop(node, scope, writer)
      return
    case 'Break':
    case 'Continue':
      throw new LoopControl(node.type)
    case 'Set': {
      const value = node.value === null ? render(node.body, scope.inner()) : evaluate(node.value, scope)
      assign(node.assignee, value, scope)
      return
    }
    case 'Macro':
      scope.set(node.name.value, macro(node, scope, render))
      return
    case 'CallStatement':
      writer.write(toText(callBlock(node, scope, render), scope.meter))
      return
    case 'FilterStatement':
      writer.write(toText(filtered(render(node.body, scope.inner()), node.filter, scope), scope.meter))
      return
    case 'StringLiteral':
      writer.write(node.value)
      return
    default:
      writer.write(toText(evaluate(node, scope), scope.meter))
  }
}

/** `for`: each pass has names of its own, the loop's filter is applied before, and `else` is for no pass. */
function loop(node: Extract<Node, { type: 'For' }>, scope: Scope, writer: Writer): void {
  const { iterable } = node
  // The parser takes the filter of a loop for the if of an expression.
  const [source, condition] = iterable.type === 'SelectExpression' ? [iterable.lhs, iterable.test] : [iterable, null]
  const all = itemsOf(evaluate(source, scope))
  scope.meter.charge(all.length)
  const inner = (item: Value): Scope => {
    const pass = scope.inner(scope.loops + 1)
    assign(node.loopvar, item, pass)
    return pass
  }
  const items = condition === null ? all : all.filter((item) => isTrue(evaluate(condition, inner(item))))
  const state = new Loop(items, scope.loops + 1)
  for (const [i, item] of items.entries()) {
    state.index0 = i
    const pass = inner(item)
    pass.set('loop', state)
    try {
      for (const statement of node.body) execute(statement, pass, writer)
    } catch (error) {
      if (!(error instanceof LoopControl)) throw error
      if (error.type === 'Break') break
    }
  }
  if (items.length > 0) return
  const pass = scope.inner()
  for (const statement of node.defaultBlock) execute(statement, pass, writer)
}

function assign(target: Target | Extract<Node, { type: 'MemberExpression' }>, value: Value, scope: Scope): void {
  if (target.type === 'Identifier') {
    scope.set(target.value, value)
    return
  }
  if (target.type === 'MemberExpression') {
    const object = evaluate(target.object, scope)
    if (!(object instanceof Namespace) || target.property.type !== 'Identifier') {
      throw new TemplateError(`cannot assign attribute on a '${typeName(object)}'; only namespaces can be changed`)
    }
    object.attributes.set(target.property.value, value)
    return
  }
  const items = itemsOf(value)
  if (items.length !== target.value.length) {
    const problem = items.length < target.value.length ? 'not enough' : 'too many'
    throw new TemplateError(`${problem} values to unpack (expected ${target.value.length}, got ${items.length})`)
  }
  target.value.forEach((part, i) => {
    if (part.type !== 'Identifier') throw new TemplateError('values can be unpacked into names only')
    scope.set(part.value, items[i]!)
  })
}

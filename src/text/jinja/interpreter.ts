import { applyFilter, test } from './filters.js'
import { keyOf } from './compare.js'
import { attributeOf, itemAt, slice } from './attributes.js'
import { binary, sign } from './operators.js'
import { toText } from './print.js'
import type { Scope } from './scope.js'
import type { Call, Name, Node } from './syntax.js'
import {
  Callable,
  Float,
  TemplateError,
  Tuple,
  Undefined,
  isTrue,
  itemsOf,
  refuseUndefined,
  typeName,
} from './values.js'
import type { Dict, Value } from './values.js'

const constants: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
])

/** The value of an expression. */
export function evaluate(node: Node, scope: Scope): Value {
  const { meter } = scope
  meter.charge(1)
  switch (node.type) {
    case 'StringLiteral':
    case 'IntegerLiteral':
      return node.value
    case 'FloatLiteral':
      return new Float(node.value)
    case 'ArrayLiteral':
      return node.value.map((item) => evaluate(item, scope))
    case 'TupleLiteral':
      return new Tuple(node.value.map((item) => evaluate(item, scope)))
    case 'ObjectLiteral':
      return new Map([...node.value].map(([key, value]) => [keyOf(evaluate(key, scope)), evaluate(value, scope)]))
    case 'Identifier':
      return constants.get(node.value) ?? (constants.has(node.value) ? null : scope.get(node.value))
    case 'MemberExpression':
      return member(node, scope)
    case 'CallExpression': {
      const { args, named } = evaluateArguments(node.args, scope)
      return callFunction(evaluate(node.callee, scope), args, named)
    }
    case 'UnaryExpression': {
      const value = evaluate(node.argument, scope)
      return node.operator.value === 'not' ? !isTrue(value) : sign(node.operator.value, value)
    }
    case 'BinaryExpression': {
      const left = evaluate(node.left, scope)
      const operator = node.operator.value
      if (operator === 'and') return isTrue(left) ? evaluate(node.right, scope) : left
      if (operator === 'or') return isTrue(left) ? left : evaluate(node.right, scope)
      return binary(operator, left, evaluate(node.right, scope), meter)
    }
    case 'FilterExpression':
      return filtered(evaluate(node.operand, scope), node.filter, scope)
    case 'TestExpression':
      return test(node.test.value, evaluate(node.operand, scope), [], meter) !== node.negate
    case 'Ternary':
      return evaluate(isTrue(evaluate(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope)
    case 'SelectExpression':
      if (isTrue(evaluate(node.test, scope))) return evaluate(node.lhs, scope)
      return new Undefined('the inline if-expression evaluated to false and no else section was defined.')
    default:
      throw new TemplateError(`${node.type} cannot stand here`)
  }
}

/** A value put through a filter that stands behind it. */
export function filtered(value: Value, filter: Name | Call, scope: Scope): Value {
  const { meter } = scope
  if (filter.type === 'Identifier') return applyFilter(filter.value, value, { args: [], named: new Map(), meter })
  if (filter.callee.type !== 'Identifier') throw new TemplateError('a filter has no name')
  return applyFilter(filter.callee.value, value, { ...evaluateArguments(filter.args, scope), meter })
}

function member({ object, property, computed }: Extract<Node, { type: 'MemberExpression' }>, scope: Scope): Value {
  const value = evaluate(object, scope)
  if (property.type === 'SliceExpression') {
    const { start, stop, step } = property
    const bound = (node: Node | undefined): Value => (node === undefined ? null : evaluate(node, scope))
    return slice(value, bound(start), bound(stop), bound(step), scope.meter)
  }
  if (computed || property.type !== 'Identifier') return itemAt(value, evaluate(property, scope), scope.meter)
  return attributeOf(value, property.value, scope.meter)
}

/** The arguments of a call, by place and by name. */
export function evaluateArguments(
  nodes: readonly Node[],
  scope: Scope,
): { args: readonly Value[]; named: ReadonlyMap<string, Value> } {
  const args: Value[] = []
  const named = new Map<string, Value>()
  const name = (key: string, value: Value): void => {
    if (named.has(key)) throw new TemplateError(`got multiple values for keyword argument '${key}'`)
    named.set(key, value)
  }
  for (const node of nodes) {
    if (node.type === 'SpreadExpression') {
      const items = itemsOf(evaluate(node.argument, scope))
      scope.meter.charge(items.length)
      for (const item of items) args.push(item)
    } else if (node.type === 'KeywordSpreadExpression') {
      const dict = evaluate(node.argument, scope)
      if (!(dict instanceof Map)) throw new TemplateError(`argument after ** must be a mapping, not ${typeName(dict)}`)
      for (const [key, value] of dict as Dict) name(toText(key, scope.meter), value)
    } else if (node.type === 'KeywordArgumentExpression') name(node.key.value, evaluate(node.value, scope))
    else args.push(evaluate(node, scope))
  }
  return { args, named }
}

export function callFunction(value: Value, args: readonly Value[], named: ReadonlyMap<string, Value>): Value {
  if (value instanceof Callable) return value.call(args, named)
  refuseUndefined(value)
  throw new TemplateError(`'${typeName(value)}' object is not callable`)
}

import { callFunction, evaluateArguments } from './calls.js'
import { applyFilter, test } from './filters.js'
import { keyOf } from './compare.js'
import { attributeOf, itemAt, slice } from './attributes.js'
import { binary, sign } from './operators.js'
import type { Scope } from './scope.js'
import type { Call, Name, Node } from './syntax.js'
import { Float, TemplateError, Tuple, Undefined, isTrue } from './values.js'
import type { Value } from './values.js'

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

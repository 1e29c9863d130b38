import { callFunction, evaluate, evaluateArguments } from './interpreter.js'
import type { Scope } from './scope.js'
import type { CallBlock, MacroNode, Node, Parameter } from './syntax.js'
import { Callable, TemplateError, Tuple, Undefined } from './values.js'
import type { Value } from './values.js'

/** Prints the statements of a body; handed in, because statements hold macros. */
type Render = (body: readonly Node[], scope: Scope) => string

/** `{% macro name(parameters) %}`: a function that gives the text that its body prints. */
export function macro({ name, args, body }: MacroNode, scope: Scope, render: Render): Callable {
  return macroFunction(`'${name.value}'`, args, body, scope, render)
}

/** `{% call(parameters) macro(…) %}`: the macro's text; `caller()` in it gives the text of this block. */
export function callBlock({ call, callerArgs, body }: CallBlock, scope: Scope, render: Render): Value {
  const { args, named } = evaluateArguments(call.args, scope)
  const caller = macroFunction('None', callerArgs ?? [], body, scope, render)
  return callFunction(evaluate(call.callee, scope), args, new Map(named).set('caller', caller))
}

function macroFunction(
  name: string,
  parameters: readonly Parameter[],
  body: readonly Node[],
  scope: Scope,
  render: Render,
): Callable {
  const uses = namesIn(body)
  return new Callable((args, named) =>
    scope.meter.nested(() => {
      const inner = scope.inner(0)
      const rest = new Map(named)
      const defaults: [string, Node][] = []
      for (const [i, parameter] of parameters.entries()) {
        const key = parameter.type === 'Identifier' ? parameter.value : parameter.key.value
        const given = i < args.length ? args[i] : rest.get(key)
        rest.delete(key)
        if (given === undefined && parameter.type !== 'Identifier') defaults.push([key, parameter.value])
        inner.set(key, given === undefined ? new Undefined(`parameter '${key}' was not provided`) : given)
      }
      setSpecial(inner, name, uses, rest, args.slice(parameters.length))
      for (const [key, value] of defaults) inner.set(key, evaluate(value, inner))
      return render(body, inner)
    }),
  )
}

/** What a macro gets beyond its parameters, if its body asks for it; else it is an error, as in Jinja. */
function setSpecial(
  scope: Scope,
  name: string,
  uses: ReadonlySet<string>,
  named: Map<string, Value>,
  args: readonly Value[],
): void {
  if (uses.has('caller')) {
    scope.set('caller', named.get('caller') ?? new Undefined('No caller defined'))
    named.delete('caller')
  }
  const [key] = named.keys()
  if (uses.has('kwargs')) scope.set('kwargs', named)
  else if (key !== undefined) throw new TemplateError(`macro ${name} takes no keyword argument '${key}'`)
  if (uses.has('varargs')) scope.set('varargs', new Tuple(args))
  else if (args.length > 0) throw new TemplateError(`macro ${name} takes not more than ${args.length} argument(s) less`)
}

const namesOfBodies = new WeakMap<readonly Node[], ReadonlySet<string>>()

/** Every name that stands in the body of a macro; found once for each body. */
function namesIn(body: readonly Node[]): ReadonlySet<string> {
  const known = namesOfBodies.get(body)
  if (known !== undefined) return known
  const names = new Set<string>()
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    if ('type' in part && part.type === 'Identifier' && 'value' in part) names.add(String(part.value))
    const inside: Iterable<unknown> = part instanceof Map ? [...part.keys(), ...part.values()] : Object.values(part)
    for (const each of inside) visit(each)
  }
  visit(body)
  namesOfBodies.set(body, names)
  return names
}

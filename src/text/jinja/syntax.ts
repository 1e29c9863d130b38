import * as library from '@huggingface/jinja'
import { withTimeLimit } from '../../io/timeLimit.js'
import { TemplateLimitError } from './limits.js'

/** The parts of a template as @huggingface/jinja's parser gives them, whose own types its declarations do not export. */
export type Node =
  | { type: 'Program'; body: Node[] }
  | { type: 'If'; test: Node; body: Node[]; alternate: Node[] }
  | { type: 'For'; loopvar: Target; iterable: Node; body: Node[]; defaultBlock: Node[] }
  | { type: 'Break' | 'Continue' | 'Comment' }
  | { type: 'Set'; assignee: Target | Member; value: Node | null; body: Node[] }
  | MacroNode
  | Member
  | Call
  | Name
  | { type: 'IntegerLiteral' | 'FloatLiteral'; value: number }
  | { type: 'StringLiteral'; value: string }
  | { type: 'ArrayLiteral'; value: Node[] }
  | { type: 'TupleLiteral'; value: Node[] }
  | { type: 'ObjectLiteral'; value: Map<Node, Node> }
  | { type: 'BinaryExpression'; operator: { value: string }; left: Node; right: Node }
  | { type: 'UnaryExpression'; operator: { value: string }; argument: Node }
  | { type: 'FilterExpression'; operand: Node; filter: Name | Call }
  | { type: 'FilterStatement'; filter: Name | Call; body: Node[] }
  | { type: 'SelectExpression'; lhs: Node; test: Node }
  | { type: 'TestExpression'; operand: Node; negate: boolean; test: Name }
  | { type: 'SliceExpression'; start?: Node; stop?: Node; step?: Node }
  | KeywordArgument
  | { type: 'SpreadExpression' | 'KeywordSpreadExpression'; argument: Node }
  | CallBlock
  | { type: 'Ternary'; condition: Node; trueExpr: Node; falseExpr: Node }

export interface Name {
  type: 'Identifier'
  value: string
}
export interface Member {
  type: 'MemberExpression'
  object: Node
  property: Node
  computed: boolean
}
export interface Call {
  type: 'CallExpression'
  callee: Node
  args: Node[]
}
export interface KeywordArgument {
  type: 'KeywordArgumentExpression'
  key: Name
  value: Node
}
export interface MacroNode {
  type: 'Macro'
  name: Name
  args: Parameter[]
  body: Node[]
}
export interface CallBlock {
  type: 'CallStatement'
  call: Call
  callerArgs: Parameter[] | null
  body: Node[]
}
export type Parameter = Name | KeywordArgument
/** What a value is assigned to: a name, or names between commas. */
export type Target = Name | { type: 'TupleLiteral'; value: Node[] }

// The package's own declarations import each other without file extensions, which TypeScript does not resolve in ES modules.
const tokenize = library.tokenize as unknown as (text: string, options: Record<string, boolean>) => unknown[]
const parse = library.parse as unknown as (tokens: unknown[]) => { body: Node[] }

/** Characters; the longest templates on the Hub have a tenth of it. */
const MAX_TEMPLATE_LENGTH = 1_000_000
/** The parser searches a run of white space once from each of its characters. */
const MAX_WHITE_SPACE = 1000
/** It needs a hundredth of it for a megabyte. */
const MILLISECONDS = 10_000

/** Parses a template, with transformers' settings (trim_blocks, lstrip_blocks). Throws a SyntaxError or TemplateLimitError. */
export function parseTemplate(source: string): Node[] {
  if (source.length > MAX_TEMPLATE_LENGTH) {
    throw new TemplateLimitError(`it has ${source.length} characters; at most ${MAX_TEMPLATE_LENGTH} are read`)
  }
  // Python's Jinja reads every kind of line end as \n, the JavaScript one does not.
  const text = source.replace(/\r\n?/g, '\n')
  checkWhiteSpace(text)
  try {
    const tokens = withTimeLimit(MILLISECONDS, () => tokenize(text, { trim_blocks: true, lstrip_blocks: true }))
    return withTimeLimit(MILLISECONDS, () => parse(tokens)).body
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateLimitError('it is nested too deeply', { cause: error })
    throw error
  }
}

function checkWhiteSpace(text: string): void {
  let run = 0
  for (const character of text) {
    run = character.trim() === '' ? run + 1 : 0
    if (run > MAX_WHITE_SPACE) {
      throw new TemplateLimitError(`it has more than ${MAX_WHITE_SPACE} blanks or line breaks in a row`)
    }
  }
}

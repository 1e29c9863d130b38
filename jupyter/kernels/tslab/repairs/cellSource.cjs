// Repairs a cell's source before tslab compiles it. Text is only inserted, never a line, so line numbers in errors stay true.
//  - `{ x }` with a variable x of an earlier cell is a ReferenceError in tslab: it becomes `{ x: x }`.
//  - A cell whose only awaits are `await (…)`, `await […]` or `for await` is not seen as asynchronous: it gets `await null; `.

/**
 * @param typescript the TypeScript compiler
 * @param {string} source
 * @returns {string}
 */
exports.repairCellSource = function (typescript, source) {
  const { ScriptTarget, ScriptKind } = typescript
  const file = typescript.createSourceFile('cell.tsx', source, ScriptTarget.Latest, true, ScriptKind.TS)
  const shorthands = []
  let awaits = false

  const isAwait = (node) =>
    typescript.isAwaitExpression(node) ||
    (typescript.isForOfStatement(node) && node.awaitModifier !== undefined) ||
    (typescript.isIdentifier(node) && node.text === 'await') // how `await (…)` parses outside an async function
  const visit = (node, isTopLevel) => {
    if (typescript.isShorthandPropertyAssignment(node)) shorthands.push(node.name)
    if (isTopLevel && isAwait(node)) awaits = true
    const staysTopLevel =
      isTopLevel &&
      !typescript.isFunctionLike(node) &&
      !typescript.isClassLike(node) &&
      !typescript.isModuleDeclaration(node)
    typescript.forEachChild(node, (child) => visit(child, staysTopLevel))
  }
  visit(file, true)

  let repaired = source
  for (const name of shorthands.sort((a, b) => b.getStart() - a.getStart())) {
    repaired = `${repaired.slice(0, name.getStart())}${name.text}: ${repaired.slice(name.getStart())}`
  }
  // A cell that opens with a doc comment may be a `@module` cell, which tslab recognises by its first characters.
  return awaits && !/^\s*\/\*\*/.test(source) ? `await null; ${repaired}` : repaired
}

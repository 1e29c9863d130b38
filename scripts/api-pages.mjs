// Writes docs/api, a page for each entry point of the package and each of its namespaces, from the declarations in dist/ and their
// comments: node scripts/api-pages.mjs [--check]
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import ts from 'typescript'

const root = path.resolve(import.meta.dirname, '..')
const folder = path.join(root, 'docs/api')
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
const entries = Object.entries(manifest.exports)
  .filter(([, file]) => file.types !== undefined)
  .map(([key, { types }]) => ({ name: key.replace('.', manifest.name), file: path.join(root, types) }))

const program = ts.createProgram(
  entries.map(({ file }) => file),
  { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, types: [], skipLibCheck: true },
)
const checker = program.getTypeChecker()

/** The pages: a title, an introduction, and what is described, in the order of the entry point. */
const pages = entries.flatMap(({ name, file }) => {
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))
  const isNamespace = (symbol) => symbol.declarations?.some(ts.isNamespaceExport)
  const top = new Set(exported.map(originalOf))
  // tfjs has pages of its own.
  const namespaces = exported.filter((symbol) => isNamespace(symbol) && symbol.name !== 'tf')
  const page = { title: name, introduction: introductionOf(file), items: exported.map((symbol) => itemOf(symbol)) }
  const others = namespaces.map((symbol) => {
    const members = checker.getExportsOfModule(originalOf(symbol)).filter((member) => !top.has(originalOf(member)))
    const items = members.map((member) => itemOf(member, `${symbol.name}.`))
    return { title: symbol.name, introduction: `${commentOf(symbol)}\n\nA namespace of \`${name}\`.`, items }
  })
  return [page, ...others]
})
for (const page of pages) {
  page.file = `${path.basename(page.title)}.md`
  // As GitHub makes them of headings: a heading that differs in capitals only gets a number.
  const anchors = [page.title]
  for (const item of page.items) {
    const anchor = item.name.toLowerCase().replace(/[^\w-]/g, '')
    const before = anchors.filter((other) => other === anchor).length
    anchors.push(anchor)
    item.anchor = before === 0 ? anchor : `${anchor}-${before}`
  }
}

function itemOf(exported, prefix = '') {
  const symbol = originalOf(exported)
  const isType = exported.declarations?.some(
    (declaration) =>
      ts.isExportSpecifier(declaration) && (declaration.isTypeOnly || declaration.parent.parent.isTypeOnly),
  )
  return {
    name: prefix + exported.name,
    symbol,
    isValue: !isType && (symbol.flags & ts.SymbolFlags.Value) !== 0,
    comment: commentOf(exported) || commentOf(symbol),
    isNamespace: exported.declarations?.some(ts.isNamespaceExport) ?? false,
  }
}

function originalOf(symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** A comment as Markdown, with `@param`, `@returns` and `@throws` as a list. */
function commentOf(symbol) {
  // A comment on `export * as` belongs to the statement.
  const namespace = symbol.declarations?.find(ts.isNamespaceExport)
  if (namespace) return ts.getTextOfJSDocComment(ts.getJSDocCommentsAndTags(namespace.parent)[0]?.comment) ?? ''
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker))
  const tags = symbol.getJsDocTags(checker).map(({ name, text: parts }) => {
    const [first = '', ...rest] = ts.displayPartsToString(parts).split(' ')
    return name === 'param'
      ? `- \`${first}\`: ${rest.join(' ').replace(/^- /, '')}`
      : `- ${name}: ${[first, ...rest].join(' ')}`
  })
  return [text, tags.join('\n')].filter((part) => part !== '').join('\n\n')
}

/** What an entry point says of itself, at the top of its source. */
function introductionOf(file) {
  const source = fs.readFileSync(path.join(root, 'src', `${path.basename(file, '.d.ts')}.ts`), 'utf8')
  const [, comment = ''] = /^\/\*\*([^]*?)\*\//.exec(source) ?? []
  return comment.replace(/^\s*\* ?/gm, '').trim()
}

/** The declarations of a symbol as users see them, without what is private. */
function declarationOf(symbol) {
  return nodesOf(symbol).map((node) => (ts.isClassDeclaration(node) ? publicPartOf(node) : node.getText()))
}

function nodesOf({ declarations = [] }) {
  return declarations.map((node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node))
}

/** Interfaces and types of the package that a declaration is made of and that no entry point exports, and those that they are made of. */
function helpersOf(symbol, found = new Set()) {
  const visit = (node) => {
    if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)) return
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : null
    const known = name && checker.getSymbolAtLocation(name)
    const target = known && originalOf(known)
    if (target && !found.has(target) && isHelper(target)) {
      found.add(target)
      helpersOf(target, found)
    }
    ts.forEachChild(node, visit)
  }
  nodesOf(symbol).forEach(visit)
  return found
}

function isHelper(symbol) {
  const [node] = symbol.declarations ?? []
  if (!node || !(ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))) return false
  const { fileName } = node.getSourceFile()
  const isOwn = fileName.startsWith(path.join(root, 'dist')) && !fileName.includes('bundled')
  return isOwn && !pages.some(({ items }) => items.some((item) => item.symbol === symbol))
}

/** The declarations of a symbol and of the helpers that the page has not shown yet. */
async function codeOf({ symbol }, shown) {
  const helpers = [...helpersOf(symbol)].filter((helper) => !shown.has(helper))
  for (const helper of helpers) shown.add(helper)
  const declarations = [
    ...declarationOf(symbol),
    ...helpers.map((helper) => {
      const comment = commentOf(helper).replace(/\s*\n\s*/g, ' ')
      return comment === '' ? declarationOf(helper) : `/** ${comment} */\n${declarationOf(helper)}`
    }),
  ]
  const text = declarations.join('\n\n').replace(/\{@link\s+([\w.]+)\s*\}/g, '`$1`')
  const code = await format(text, { ...(await resolveConfig(import.meta.filename)), parser: 'typescript' })
  return code.replace(/^export (declare )?/gm, '').trim()
}

function publicPartOf(node) {
  const { text } = node.getSourceFile()
  const members = node.members.filter(
    ({ name, modifiers = [] }) =>
      !(name && ts.isPrivateIdentifier(name)) && !modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword),
  )
  const head = text.slice(node.getStart(), text.lastIndexOf('{', node.members.pos) + 1)
  return [head, ...members.map((member) => `    ${member.getFullText().trim()}`), '}'].join('\n')
}

/** Where a name is described, for links from one comment to another. */
function placeOf(name) {
  const last = name.split('.')[0]
  for (const { file, items } of pages) {
    const item = items.find((one) => one.symbol.name === last)
    if (item) return { file, anchor: item.anchor }
  }
  return null
}

/** Puts links in the place of `{@link name}`. */
function linked(text, page) {
  return text.replace(/\{@link\s+([\w.]+)\s*\}/g, (_, name) => {
    const place = placeOf(name)
    if (!place) return `\`${name}\``
    return `[\`${name}\`](${place.file === page.file ? '' : place.file}#${place.anchor})`
  })
}

/** The first sentence of a comment, on one line. */
function summaryOf(comment) {
  const [first = ''] = comment.split('\n\n')
  const line = first.replace(/\s+/g, ' ')
  return /^.*?(?<!\b(?:al|eq|e\.g))\.(?= [A-Z`[{]|$)/.exec(line)?.[0] ?? line
}

async function textOf(page) {
  const { title, introduction, items } = page
  const linkTo = ({ name, anchor }) => `[\`${name}\`](#${anchor})`
  const rows = items
    .filter(({ isValue }) => isValue)
    .map((item) => `| ${linkTo(item)} | ${linked(summaryOf(item.comment), page).replaceAll('|', '\\|')} |`)
  const types = items.filter(({ isValue }) => !isValue).map(linkTo)
  const shown = new Set()
  const described = []
  for (const item of items) {
    const code = item.isNamespace
      ? `See [${item.name}](${namespacePage(item)}).`
      : `\`\`\`ts\n${await codeOf(item, shown)}\n\`\`\``
    described.push(`## ${item.name}`, linked(item.comment, page), code)
  }
  const paragraphs = [
    `# ${title}`,
    '<!-- Made from the comments in src/ by `npm run generate`: change them there. -->',
    linked(introduction, page),
    `| | |\n| --- | --- |\n${rows.join('\n')}`,
    types.length > 0 ? `Types: ${types.join(', ')}.` : '',
    ...described,
  ]
  return `${paragraphs.filter((part) => part !== '').join('\n\n')}\n`
}

function namespacePage({ name }) {
  return pages.find(({ title }) => title === name)?.file ?? 'https://js.tensorflow.org/api/latest/'
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
fs.mkdirSync(folder, { recursive: true })
const stale = fs.readdirSync(folder).filter((name) => !pages.some(({ file }) => file === name))
const texts = new Map(stale.map((file) => [file, null]))
for (const page of pages) texts.set(page.file, await textOf(page))
for (const [file, text] of texts) {
  const target = path.join(folder, file)
  if ((fs.existsSync(target) ? fs.readFileSync(target, 'utf8') : null) === text) continue
  if (values.check) {
    console.error(`docs/api/${file} is not what the comments in src/ say: run npm run generate`)
    process.exitCode = 1
  } else if (text === null) {
    fs.rmSync(target)
  } else {
    fs.writeFileSync(target, text)
    console.log(`docs/api/${file} written`)
  }
}

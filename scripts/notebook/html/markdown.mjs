import highlighter from 'highlight.js/lib/common'
import fs from 'node:fs'
import katex from 'katex'
import { Marked } from 'marked'
import path from 'node:path'

/** @param {string} text */
export function escapeHtml(text) {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Code with its words marked by the classes of highlight.js; as it is where the language is unknown. */
export function highlightCode(code, language) {
  if (!highlighter.getLanguage(language)) return escapeHtml(code)
  return highlighter.highlight(code, { language }).value
}

/** TeX as MathML, which browsers draw without fonts or styles of ours. What KaTeX cannot read stays as it is written. */
function renderMath(tex, displayMode) {
  try {
    // Where there is no mathematical font, Chromium draws what is marked as an accent through its letter.
    return katex.renderToString(tex, { displayMode, output: 'mathml' }).replaceAll(' accent="true"', '')
  } catch {
    return `<code>${escapeHtml(tex)}</code>`
  }
}

/** A rule of Markdown for mathematics between `mark` and `mark`, as Jupyter has it. */
function mathRule(name, mark, pattern, displayMode) {
  return {
    name,
    level: 'inline',
    start: (text) => text.indexOf(mark),
    tokenizer(text) {
      const match = pattern.exec(text)
      return match ? { type: name, raw: match[0], tex: match[1] } : undefined
    },
    renderer: ({ tex }) => renderMath(tex, displayMode),
  }
}

const mathRules = [
  mathRule('displayMath', '$$', /^\$\$([^$]+)\$\$/, true),
  mathRule('inlineMath', '$', /^\$(?![\s$])((?:\\.|[^\\$`])*[^\s\\$`])\$(?!\d)/, false),
]

const imageTypes = { '.gif': 'image/gif', '.jpg': 'image/jpeg', '.png': 'image/png', '.svg': 'image/svg+xml' }

/** A picture file as a data URL, so that the page needs no other file; null when it is none or cannot be read. */
function embedImage(file) {
  const type = imageTypes[path.extname(file).toLowerCase()]
  if (!type || !fs.existsSync(file)) return null
  return `data:${type};base64,${fs.readFileSync(file).toString('base64')}`
}

/** A heading's text as an anchor; `taken` holds those of the page. */
function uniqueAnchor(text, taken) {
  const words = text.toLowerCase().match(/[\p{Letter}\p{Number}]+/gu) ?? ['section']
  const anchor = words.join('-')
  let unique = anchor
  for (let count = 2; taken.has(unique); count++) unique = `${anchor}-${count}`
  taken.add(unique)
  return unique
}

/**
 * Makes the function that renders a page's Markdown. Relative links go on leading where they led from the notebook's folder, and
 * pictures become part of the page.
 * @param {{ from: string, to: string }} folders of the notebook and of the page
 * @returns {{ render: (text: string) => string, headings: { depth: number, text: string, anchor: string }[] }} `headings` grows with
 *   what is rendered
 */
export function createMarkdown({ from, to }) {
  const headings = []
  const anchors = new Set()
  const isRelative = (address) => !/^([a-z][a-z\d+.-]*:|#|\/)/i.test(address)
  const marked = new Marked({
    extensions: mathRules,
    walkTokens(token) {
      if ((token.type !== 'link' && token.type !== 'image') || !isRelative(token.href)) return
      const [, name, rest] = /^([^?#]*)(.*)$/s.exec(token.href)
      const file = path.resolve(from, decodeURI(name))
      const address = encodeURI(path.relative(to, file).split(path.sep).join('/')) + rest
      token.href = (token.type === 'image' ? embedImage(file) : null) ?? address
    },
    renderer: {
      heading({ tokens, depth, text }) {
        const anchor = uniqueAnchor(text, anchors)
        const content = this.parser.parseInline(tokens)
        headings.push({ depth, text: content.replaceAll(/<a\b[^>]*>|<\/a>/g, ''), anchor })
        return `<h${depth} id="${anchor}">${content}</h${depth}>\n`
      },
      code: ({ text, lang }) => `<pre class="code"><code>${highlightCode(text, lang ?? '')}</code></pre>\n`,
      table(token) {
        const rows = [token.header, ...token.rows].map((row) =>
          this.tablerow({ text: row.map((cell) => this.tablecell(cell)).join('') }),
        )
        return `<div class="wide"><table><thead>${rows[0]}</thead><tbody>${rows.slice(1).join('')}</tbody></table></div>\n`
      },
    },
  })
  return { render: (text) => marked.parse(text), headings }
}

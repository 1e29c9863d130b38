// What cells have put out, as HTML.
import { stripVTControlCharacters } from 'node:util'
import { joinLines } from '../notebookFile.mjs'
import { escapeHtml, highlightCode } from './markdown.mjs'

/** How each MIME type is shown, the best one of an output's first. */
const renderers = {
  'text/html': (html) => `<div class="rich">${html}</div>`,
  'text/markdown': (text, markdown) => `<div class="rich">${markdown.render(text)}</div>`,
  'image/svg+xml': (svg) => renderImage('image/svg+xml', Buffer.from(svg).toString('base64')),
  'image/png': (base64) => renderImage('image/png', base64),
  'image/jpeg': (base64) => renderImage('image/jpeg', base64),
  'application/json': (value) => `<pre class="text">${highlightCode(JSON.stringify(value, null, 2), 'json')}</pre>`,
  'text/plain': (text) => renderText(text),
}

function renderImage(type, base64) {
  return `<img alt="" src="data:${type};base64,${base64.replaceAll(/\s/g, '')}">`
}

function renderText(text, kind = '') {
  return `<pre class="text ${kind}">${escapeHtml(stripVTControlCharacters(text))}</pre>`
}

/**
 * @param {object} output of a code cell (nbformat 4)
 * @param {{ render: (text: string) => string }} markdown
 * @returns {string}
 */
export function renderOutput(output, markdown) {
  if (output.output_type === 'stream') return renderText(joinLines(output.text), output.name)
  if (output.output_type === 'error') {
    const traceback = output.traceback?.length > 0 ? output.traceback.join('\n') : `${output.ename}: ${output.evalue}`
    return renderText(traceback, 'error')
  }
  const type = Object.keys(renderers).find((name) => name in (output.data ?? {}))
  if (!type) return renderText(`(an output of type ${Object.keys(output.data ?? {}).join(', ')})`)
  const content = output.data[type]
  return renderers[type](Array.isArray(content) ? joinLines(content) : content, markdown)
}

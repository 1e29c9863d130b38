import fs from 'node:fs'
import path from 'node:path'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'

/** A page that has places for pictures. */
export interface Page {
  readonly file: string
  readonly text: string
}

/** README.md and the pages of docs/. */
export function readPages(root: string): Page[] {
  const docs = path.join(root, 'docs')
  const files = [
    path.join(root, 'README.md'),
    ...fs
      .readdirSync(docs)
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join(docs, name)),
  ]
  return files.map((file) => ({ file, text: fs.readFileSync(file, 'utf8') }))
}

/** The names of a page's places: `<!-- picture NAME -->` to `<!-- /picture -->`, and the same with `text`. */
export function placesOf(text: string): { kind: 'picture' | 'text'; name: string }[] {
  return [...text.matchAll(/<!-- (picture|text) ([\w-]+) -->/g)].map(([, kind, name]) => ({
    kind: kind as 'picture' | 'text',
    name: name!,
  }))
}

/**
 * Replaces what stands in a place of all pages that have it.
 * @throws Error when no page has the place
 */
export function fillPlace(
  root: string,
  kind: 'picture' | 'text',
  name: string,
  content: (page: string) => string,
): void {
  const place = new RegExp(`(<!-- ${kind} ${name} -->\n)[^]*?(<!-- /${kind} -->)`)
  const pages = readPages(root).filter(({ text }) => place.test(text))
  if (pages.length === 0) {
    throw new Error(
      `no page has a place for the ${kind} '${name}'; put <!-- ${kind} ${name} --> and <!-- /${kind} --> on lines of their own where it belongs`,
    )
  }
  for (const { file, text } of pages) {
    const filled = text.replace(place, (_, start: string, end: string) => `${start}${content(file)}\n${end}`)
    if (filled !== text) atomicWriteFile(file, filled)
  }
}

/** A picture in Markdown: the one of the reader's theme, what it shows in words, and the line below it. */
export function pictureBlock(
  light: string,
  dark: string,
  { alt, caption, width }: { alt: string; caption: string; width: number },
): string {
  const inAttribute = alt.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
  return [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="${dark}">`,
    `  <img src="${light}" width="${width}" alt="${inAttribute}">`,
    '</picture>',
    '',
    caption,
  ].join('\n')
}

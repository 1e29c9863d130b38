type Attributes = Readonly<Record<string, string | number | boolean | null>>
type Child = Node | string | null

/**
 * Makes an element; attributes that are null or false are left out, true ones are empty. Texts become text nodes, never markup:
 * what a model wrote cannot do anything.
 */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const result = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) result.setAttribute(key, value === true ? '' : String(value))
  }
  result.append(...children.filter((child) => child !== null))
  return result
}

/** A button that does something. */
export function button(label: string, attributes: Attributes, onClick: () => void): HTMLButtonElement {
  const result = element('button', { type: 'button', ...attributes }, label)
  result.addEventListener('click', onClick)
  return result
}

/** A labelled choice. */
export function choice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  onChange: (value: string) => void,
): { field: HTMLLabelElement; select: HTMLSelectElement } {
  const select = element('select', {}, ...options.map(([value, text]) => element('option', { value }, text)))
  select.addEventListener('change', () => {
    onChange(select.value)
  })
  return { field: element('label', { class: 'field' }, element('span', {}, label), select), select }
}

/** A table with a caption, for eyes and screen readers; cells that are numbers stand to the right. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly (string | Node)[])[],
  /** On a phone each row becomes a block, so that no column is out of sight. Defaults to false. */
  { stacked = false }: { readonly stacked?: boolean } = {},
): HTMLElement {
  const isNumeric = (cell: string | Node | undefined): boolean => typeof cell === 'string' && /^[-−+<]?\s?\d/.test(cell)
  const cells = (row: readonly (string | Node)[]): HTMLElement[] =>
    row.map((cell, c) =>
      c === 0
        ? element('th', { scope: 'row' }, cell)
        : element('td', { class: isNumeric(cell) ? 'number' : null, 'data-column': columns[c] ?? '' }, cell),
    )
  const head = columns.map((column, c) =>
    element('th', { scope: 'col', class: c > 0 && isNumeric(rows[0]?.[c]) ? 'number' : null }, column),
  )
  return element(
    'div',
    { class: stacked ? 'table table-stacked' : 'table', tabindex: 0, role: 'region', 'aria-label': caption },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...rows.map((row) => element('tr', {}, ...cells(row)))),
    ),
  )
}

/** The element with an id; every id that is asked for stands in html.ts. */
export function byId(id: string): HTMLElement {
  const result = document.getElementById(id)
  if (!result) throw new Error(`the page has no element ${id}`)
  return result
}

/** A disclosure whose content is made when it is first opened. */
export function disclosure(label: string, makeContent: () => Node): HTMLDetailsElement {
  const details = element('details', {}, element('summary', {}, label))
  details.addEventListener(
    'toggle',
    () => {
      details.append(makeContent())
    },
    { once: true },
  )
  return details
}

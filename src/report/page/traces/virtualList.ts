import { element } from '../dom.js'

/** Height of a row in pixels; the style sheet has the same. */
const ROW_HEIGHT = 52
/** Rows kept above and below the visible ones. */
const MARGIN = 6

/**
 * A list box of which only the visible rows exist, however many there are. Up, down, page up, page down, home and end choose a
 * row when the list has the focus.
 */
export class VirtualList {
  readonly root: HTMLElement
  readonly #spacer = element('div', { class: 'list-rows', role: 'presentation' })
  #count = 0
  #selected = -1

  constructor(
    private readonly options: {
      readonly label: string
      /** The content of a row. */
      readonly row: (index: number) => Node[]
      readonly onSelect: (index: number) => void
    },
  ) {
    this.root = element(
      'div',
      { class: 'list', role: 'listbox', tabindex: 0, 'aria-label': options.label },
      this.#spacer,
    )
    this.root.addEventListener('scroll', () => {
      this.#show()
    })
    new ResizeObserver(() => {
      this.#show()
    }).observe(this.root)
    this.root.addEventListener('keydown', (event) => {
      const target = this.#targetOf(event.key)
      if (target === null || event.altKey || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      this.select(target)
    })
    this.#spacer.addEventListener('click', (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>('[role=option]') : null
      if (row) this.select(Number(row.dataset.index))
    })
  }

  get selected(): number {
    return this.#selected
  }

  /** Shows `count` rows anew and marks one of them, -1 for none. */
  update(count: number, selected: number): void {
    this.#count = count
    this.#selected = selected
    this.#spacer.style.height = `${count * ROW_HEIGHT}px`
    this.#reveal()
    this.#show()
  }

  /** Chooses a row as if it was clicked; beyond the ends, the first or last one. */
  select(index: number): void {
    if (this.#count === 0) return
    this.#selected = Math.max(0, Math.min(this.#count - 1, index))
    this.#reveal()
    this.#show()
    this.options.onSelect(this.#selected)
  }

  #targetOf(key: string): number | null {
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW_HEIGHT) - 1)
    switch (key) {
      case 'ArrowDown':
        return this.#selected + 1
      case 'ArrowUp':
        return this.#selected - 1
      case 'PageDown':
        return this.#selected + page
      case 'PageUp':
        return this.#selected - page
      case 'Home':
        return 0
      case 'End':
        return this.#count - 1
      default:
        return null
    }
  }

  /** Scrolls so that the selected row is visible. */
  #reveal(): void {
    if (this.#selected < 0) return
    const top = this.#selected * ROW_HEIGHT
    const { scrollTop, clientHeight } = this.root
    if (top < scrollTop) this.root.scrollTop = top
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.root.scrollTop = top + ROW_HEIGHT - clientHeight
  }

  #show(): void {
    const { scrollTop, clientHeight } = this.root
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - MARGIN)
    const last = Math.min(this.#count, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + MARGIN)
    const rows: HTMLElement[] = []
    for (let index = first; index < last; index++) {
      const row = element(
        'div',
        {
          class: 'list-row',
          role: 'option',
          id: `${this.#id}-${index}`,
          'data-index': index,
          'aria-selected': String(index === this.#selected),
          'aria-setsize': this.#count,
          'aria-posinset': index + 1,
        },
        ...this.options.row(index),
      )
      row.style.transform = `translateY(${index * ROW_HEIGHT}px)`
      rows.push(row)
    }
    this.#spacer.replaceChildren(...rows)
    if (this.#selected >= first && this.#selected < last) {
      this.root.setAttribute('aria-activedescendant', `${this.#id}-${this.#selected}`)
    } else this.root.removeAttribute('aria-activedescendant')
  }

  get #id(): string {
    return this.options.label.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  }
}

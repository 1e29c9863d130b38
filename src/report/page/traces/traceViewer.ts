import type { CompletionGroup } from '../../reportData.js'
import { byId, choice, element } from '../dom.js'
import { formatNumber, plural } from '../format.js'
import type { Run } from '../run.js'
import { completionFilter, filterGroups, meanReward } from './groupFilter.js'
import type { GroupFilter } from './groupFilter.js'
import { groupView } from './groupView.js'
import { focusNextCompletion, isTyping } from './keyboard.js'
import { distinctParts } from './question.js'
import { markMatches } from './search.js'
import { colorLegend, setUpTokenTooltip } from './tokenText.js'
import type { ColorMode } from './tokenText.js'
import { VirtualList } from './virtualList.js'

const help =
  'Keys: ↑ ↓ previous and next group (in the list), ← → previous and next step, j k next and previous completion, ' +
  '/ search, Esc leave the search, c change the colours.'

/** The viewer of the completions that were sampled in training: a list of groups, and the chosen one with all about it. */
export function showTraces(run: Run): void {
  new TraceViewer(run)
}

class TraceViewer {
  readonly #run: Run
  readonly #list: VirtualList
  readonly #detail = element('div', {
    class: 'detail',
    id: 'group-detail',
    'aria-live': 'polite',
    'aria-atomic': 'false',
  })
  readonly #search = element('input', {
    type: 'search',
    placeholder: 'Words in prompts and completions',
    'aria-keyshortcuts': '/',
  })
  readonly #slider = element('input', { type: 'range', min: 0, value: 0, step: 1 })
  readonly #sliderLabel = element('output', {})
  readonly #count = element('p', { class: 'muted small', role: 'status' })
  readonly #legend = element('div', {})
  readonly #colors: HTMLSelectElement
  #filter: GroupFilter = { query: '', kind: 'all', lowest: null, highest: null, order: 'step' }
  #mode: ColorMode = 'none'
  #bestFirst = false
  #groups: readonly CompletionGroup[] = []
  /** Steps of the groups that are shown, rising. */
  #steps: readonly number[] = []
  #group: CompletionGroup | null = null
  /** The question in a prompt. */
  #question: (prompt: string) => string = (prompt) => prompt

  constructor(run: Run) {
    this.#run = run
    this.#list = new VirtualList({
      label: 'Groups of completions',
      row: (index) => listRow(this.#groups[index]!, this.#question),
      onSelect: (index) => {
        this.#select(this.#groups[index] ?? null)
      },
    })
    const colors = choice('Token colours', colorModes(run.groups), (mode) => {
      this.#setMode(mode as ColorMode)
    })
    this.#colors = colors.select
    this.#mode = colors.select.value as ColorMode
    this.#build(colors.field)
    this.#listen()
    run.onChange(() => {
      this.#refreshColors()
      this.#update(false)
    })
    this.#setMode(this.#mode)
    this.#update(true)
  }

  #build(colorField: HTMLElement): void {
    const set = (change: Partial<GroupFilter>): void => {
      this.#filter = { ...this.#filter, ...change }
      this.#update(true)
    }
    const kinds = choice(
      'Show',
      [
        ['all', 'All groups'],
        ['spread', 'Groups with different rewards'],
        ['no-spread', 'Groups with equal rewards'],
        ['cut', 'Groups with a cut-off completion'],
      ],
      (kind) => {
        set({ kind: kind as GroupFilter['kind'] })
      },
    )
    const orders = choice(
      'Sort by',
      [
        ['step', 'Step'],
        ['newest', 'Step, newest first'],
        ['best', 'Mean reward, best first'],
        ['worst', 'Mean reward, worst first'],
        ['spread', 'Spread of rewards'],
      ],
      (order) => {
        set({ order: order as GroupFilter['order'] })
      },
    )
    const completionOrder = choice(
      'Completions',
      [
        ['sampled', 'As sampled'],
        ['best', 'Best first'],
      ],
      (value) => {
        this.#bestFirst = value === 'best'
        this.#showGroup()
      },
    )
    const limit = (label: string, name: 'lowest' | 'highest'): HTMLElement => {
      const input = element('input', { type: 'number', step: 'any', 'aria-label': `Reward ${label}` })
      input.addEventListener('input', () => {
        set({ [name]: Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber })
      })
      return input
    }
    byId('traces-content').replaceChildren(
      element(
        'div',
        { class: 'toolbar', role: 'search' },
        element('label', { class: 'field field-wide' }, element('span', {}, 'Search'), this.#search),
        kinds.field,
        orders.field,
        element(
          'div',
          { class: 'field', role: 'group', 'aria-label': 'Reward of a completion' },
          element('span', {}, 'Reward from, to'),
          element('span', { class: 'limits' }, limit('from', 'lowest'), limit('to', 'highest')),
        ),
        completionOrder.field,
        colorField,
      ),
      element('p', { class: 'muted small keys' }, help),
      element('label', { class: 'slider' }, element('span', {}, 'Step'), this.#slider, this.#sliderLabel),
      this.#legend,
      element(
        'div',
        { class: 'viewer' },
        element('div', { class: 'viewer-list' }, this.#count, this.#list.root),
        this.#detail,
      ),
    )
  }

  #listen(): void {
    let timer: ReturnType<typeof setTimeout> | undefined
    this.#search.addEventListener('input', () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        this.#filter = { ...this.#filter, query: this.#search.value }
        this.#update(true)
      }, 120)
    })
    this.#slider.addEventListener('input', () => {
      this.#goToStep(this.#slider.valueAsNumber)
    })
    this.#detail.addEventListener('filled', () => {
      markMatches(this.#detail, this.#filter.query)
    })
    setUpTokenTooltip(this.#detail, (card) => {
      const completion = this.#group?.completions[Number(card.dataset.number) - 1]
      return completion?.tokens ? [completion.text, completion.tokens] : null
    })
    addEventListener('keydown', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return
      if (this.#onKey(event.key, event)) event.preventDefault()
    })
  }

  /** Whether the key was for the viewer. Keys that scroll the page keep doing so outside of the viewer. */
  #onKey(key: string, event: KeyboardEvent): boolean {
    if (event.target === this.#search && key === 'Escape') {
      this.#list.root.focus()
      return true
    }
    if (isTyping(event.target)) return false
    const section = byId('traces')
    const isInside = event.target instanceof Node && section.contains(event.target)
    if (key === '/') {
      const inEvaluation = event.target instanceof Node && byId('comparison').contains(event.target)
      if (inEvaluation) return false
      section.scrollIntoView({ block: 'start' })
      this.#search.focus()
      return true
    }
    if (!isInside && event.target !== document.body) return false
    if (key === 'ArrowRight' || key === 'ArrowLeft') {
      this.#goToStep(this.#stepIndex() + (key === 'ArrowRight' ? 1 : -1))
      return true
    }
    if (!isInside) return false
    if (key === 'j' || key === 'k') return focusNextCompletion(this.#detail, key === 'j' ? 1 : -1)
    if (key === 'c') {
      this.#colors.selectedIndex = (this.#colors.selectedIndex + 1) % this.#colors.options.length
      this.#setMode(this.#colors.value as ColorMode)
      return true
    }
    return false
  }

  /** Finds the groups to show. Keeps the chosen one while it is among them. */
  #update(scrollToSelected: boolean): void {
    this.#question = distinctParts(this.#run.groups.map(({ prompt }) => prompt))
    this.#groups = filterGroups(this.#run.groups, this.#filter)
    this.#steps = [...new Set(this.#groups.map(({ step }) => step))].sort((a, b) => a - b)
    this.#slider.max = String(Math.max(0, this.#steps.length - 1))
    const kept = this.#group ? this.#groups.indexOf(this.#group) : -1
    const selected = kept >= 0 ? kept : this.#groups.length > 0 ? 0 : -1
    const total = this.#run.groups.length
    this.#count.textContent =
      total === 0
        ? 'The run recorded no completions.'
        : this.#groups.length === total
          ? plural(total, 'group')
          : `${this.#groups.length.toLocaleString('en')} of ${plural(total, 'group')}`
    this.#list.update(this.#groups.length, selected)
    if (kept < 0 || scrollToSelected) this.#select(this.#groups[selected] ?? null)
    else this.#showStep()
  }

  #select(group: CompletionGroup | null): void {
    this.#group = group
    this.#showStep()
    this.#showGroup()
  }

  #showStep(): void {
    this.#slider.value = String(this.#stepIndex())
    this.#slider.disabled = this.#steps.length === 0
    const text = this.#group
      ? `${this.#group.step.toLocaleString('en')} of ${this.#run.lastStep?.toLocaleString('en') ?? ''}`
      : '–'
    this.#sliderLabel.textContent = text
    this.#slider.setAttribute('aria-valuetext', `Step ${text}`)
  }

  #showGroup(): void {
    if (!this.#group) {
      this.#detail.replaceChildren(
        element(
          'p',
          { class: 'muted' },
          this.#run.groups.length === 0 ? '' : 'No group fits. Change the search or the filters.',
        ),
      )
      return
    }
    this.#detail.replaceChildren(
      ...groupView(this.#group, {
        rewardNames: this.#run.rewardNames,
        mode: this.#mode,
        bestFirst: this.#bestFirst,
        isWanted: completionFilter(this.#filter),
      }),
    )
    this.#detail.scrollTop = 0
  }

  /** Index of the chosen group's step among the steps that are shown. */
  #stepIndex(): number {
    return Math.max(0, this.#steps.indexOf(this.#group?.step ?? NaN))
  }

  /** Chooses the first group of a step, by the index of the step among those that are shown. */
  #goToStep(index: number): void {
    const step = this.#steps[Math.max(0, Math.min(this.#steps.length - 1, index))]
    const target = this.#groups.findIndex((group) => group.step === step)
    if (target >= 0) this.#list.select(target)
  }

  #setMode(mode: ColorMode): void {
    this.#mode = mode
    this.#legend.replaceChildren(
      this.#colors.options.length > 1
        ? colorLegend(mode)
        : element(
            'p',
            { class: 'muted small' },
            'The run did not record its tokens, so they have no colours (log_completion_tokens).',
          ),
    )
    this.#showGroup()
  }

  /** Tokens may have come with the first completions. */
  #refreshColors(): void {
    const modes = colorModes(this.#run.groups)
    if (modes.length === this.#colors.options.length) return
    this.#colors.replaceChildren(...modes.map(([value, text]) => element('option', { value }, text)))
    this.#setMode(this.#colors.value as ColorMode)
  }
}

/** What the run recorded of tokens; the first is shown at the start. */
function colorModes(groups: readonly CompletionGroup[]): (readonly [ColorMode, string])[] {
  const tokens = groups.flatMap(({ completions }) => completions[0]?.tokens ?? [])
  return [
    ...(tokens.length > 0 ? [['probability', 'Probability'] as const] : []),
    ...(tokens.some(({ changes }) => changes) ? [['change', 'Change by training'] as const] : []),
    ['none', 'None'] as const,
  ]
}

/** Step, question, and a mark for the reward of each completion. */
function listRow(group: CompletionGroup, question: (prompt: string) => string): Node[] {
  const { step, index, prompt, completions } = group
  const rewards = completions.map(({ reward }) => reward)
  const judged = rewards.filter((reward) => reward !== null)
  const low = judged.reduce((a, b) => Math.min(a, b), 0)
  const high = judged.reduce((a, b) => Math.max(a, b), 1)
  const marks = rewards.slice(0, 24).map((reward) => {
    const mark = element('i', {})
    mark.style.height = `${reward === null ? 0 : 15 + (85 * (reward - low)) / (high - low)}%`
    return mark
  })
  return [
    element('span', { class: 'row-title' }, `Step ${step} · ${index + 1}`),
    element('span', { class: 'row-value' }, formatNumber(meanReward(group))),
    element('span', { class: 'row-problem muted' }, question(prompt)),
    element('span', { class: 'row-marks', 'aria-hidden': 'true' }, ...marks),
  ]
}

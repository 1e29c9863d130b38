import type { LiveStatus, ReportUpdate } from '../reportData.js'
import { button, byId, element } from './dom.js'
import { formatNumber } from './format.js'
import type { Run } from './run.js'

/** Milliseconds between two questions for what is new. */
const POLL_INTERVAL = 1000

const stateTexts: Record<LiveStatus['state'], string> = {
  running: 'running',
  pausing: 'pausing after this step',
  paused: 'paused',
  stopping: 'stopping',
  ended: 'no process trains here',
}

/** Keeps the page up to date while the run goes on, and makes pause, resume and stop work. Does nothing in a file. */
export function followRun(run: Run): void {
  const { live } = run.data
  if (!live) return
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(path, {
      ...init,
      headers: { Authorization: `Bearer ${live.token}` },
      cache: 'no-store',
    })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return response
  }
  const text = element('span', { id: 'state', role: 'status' }, 'connecting …')
  const command = (label: string, name: 'pause' | 'resume' | 'stop'): HTMLButtonElement =>
    button(label, { id: name, disabled: true }, () => {
      if (name === 'stop' && !confirm('End the run after this step? The adapter is saved.')) return
      request(`control/${name}`, { method: 'POST' }).then(poll, (error: unknown) => {
        text.textContent = `not sent: ${String(error)}`
      })
    })
  const buttons = {
    pause: command('Pause', 'pause'),
    resume: command('Resume', 'resume'),
    stop: command('Stop', 'stop'),
  }
  const panel = byId('live')
  panel.hidden = false
  panel.replaceChildren(text, buttons.pause, buttons.resume, buttons.stop)

  const showState = ({ state, step, maxSteps }: LiveStatus): void => {
    const place =
      step === null ? '' : ` · step ${formatNumber(step)}${maxSteps === null ? '' : ` of ${formatNumber(maxSteps)}`}`
    text.textContent = `${stateTexts[state]}${place}`
    text.dataset.state = state
    buttons.pause.disabled = state !== 'running'
    buttons.resume.disabled = state !== 'paused' && state !== 'pausing'
    buttons.stop.disabled = !['running', 'paused', 'pausing'].includes(state)
  }

  let generation: number | null = null
  let isPolling = false
  async function poll(): Promise<void> {
    if (isPolling) return
    isPolling = true
    try {
      const last = <Item extends { readonly step: number }>(items: readonly Item[]): string =>
        String(items.at(-1)?.step ?? '')
      const query = new URLSearchParams({
        metrics: last(run.metrics),
        steps: last(run.steps),
        evaluation: run.evaluation?.createdAt ?? '',
      })
      const update = (await (await request(`updates?${query.toString()}`)).json()) as ReportUpdate
      generation ??= update.generation
      if (update.generation !== generation) location.reload()
      showState(update.status)
      run.apply(update)
    } catch (error) {
      text.textContent = 'not connected: is grpo-ts report --watch still running?'
      text.dataset.state = 'ended'
      console.info(error)
    } finally {
      isPolling = false
    }
  }
  void poll()
  setInterval(() => void poll(), POLL_INTERVAL)
}

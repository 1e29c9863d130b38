import assert from 'node:assert/strict'
import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { commandRun, readRunStatus, RunControl } from '../../src/run/control.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('grpo/runControl', () => {
  const inFolder = useTemporaryFolder()
  let control: RunControl

  beforeEach(() => {
    control = new RunControl(inFolder(), 7)
  })

  afterEach(() => {
    control.end()
  })

  it('tells a running process from none', () => {
    assert.deepEqual(readRunStatus(inFolder()), { state: 'ended', maxSteps: null })
    control.start()
    assert.deepEqual(readRunStatus(inFolder()), { state: 'running', maxSteps: 7 })
    control.end()
    assert.deepEqual(fs.readdirSync(inFolder()), [])
    assert.equal(readRunStatus(inFolder()).state, 'ended')
  })

  it('takes a process that was killed for none', () => {
    // No system gives so high a number to a process.
    fs.writeFileSync(inFolder('status.json'), '{"state":"running","pid":2147483647,"max_steps":7}')
    assert.equal(readRunStatus(inFolder()).state, 'ended')
    assert.equal(commandRun(inFolder(), 'pause'), false)
    assert.ok(!fs.existsSync(inFolder('control.json')))
  })

  it('pauses until it is told to resume', async () => {
    const { signal } = new AbortController()
    control.start()
    await control.waitWhilePaused(signal)
    assert.equal(commandRun(inFolder(), 'pause'), true)
    assert.equal(readRunStatus(inFolder()).state, 'pausing')
    let isOver = false
    const waiting = control.waitWhilePaused(signal).then(() => {
      isOver = true
    })
    await setTimeout(450)
    assert.equal(isOver, false)
    assert.equal(readRunStatus(inFolder()).state, 'paused')
    commandRun(inFolder(), 'resume')
    await waiting
    assert.equal(readRunStatus(inFolder()).state, 'running')
  })

  it('ends a pause when the run is interrupted', async () => {
    const controller = new AbortController()
    control.start()
    commandRun(inFolder(), 'pause')
    const waiting = control.waitWhilePaused(controller.signal)
    controller.abort()
    await waiting
  })

  it('aborts its signal when it is told to stop, also from a pause', async () => {
    control.start()
    commandRun(inFolder(), 'pause')
    const waiting = control.waitWhilePaused(control.signal)
    assert.equal(control.signal.aborted, false)
    commandRun(inFolder(), 'stop')
    assert.equal(readRunStatus(inFolder()).state, 'stopping')
    await waiting
    await setTimeout(450)
    assert.equal(control.signal.aborted, true)
  })

  it('forgets commands for an earlier run', async () => {
    fs.writeFileSync(inFolder('control.json'), '{"command":"stop"}')
    control.start()
    await setTimeout(450)
    assert.equal(control.signal.aborted, false)
  })
})

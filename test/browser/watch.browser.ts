import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { readRunStatus } from '../../src/run/control.js'
import { start } from '../cli/run.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { openPage, useChromium, waitForCharts } from './chromium.js'

describe('the live report of a run', () => {
  const inFolder = useTemporaryFolder()
  const browser = useChromium()

  it('follows the run, pauses it, resumes it and stops it', async function () {
    writeTinyModel(inFolder('model'))
    const training = start([
      'train',
      '--model',
      inFolder('model'),
      '--output-dir',
      inFolder('run'),
      '--task',
      'arithmetic',
      '--num-generations',
      '4',
      '--per-device-train-batch-size',
      '8',
      '--max-completion-length',
      '12',
      '--max-steps',
      '100000',
      '--lora-r',
      '2',
      '--threads',
      '1',
    ])
    training.stdout.resume()
    const trained = once(training, 'exit')
    while (!fs.existsSync(inFolder('run', 'metrics.jsonl'))) await setTimeout(100)
    const report = start(['report', inFolder('run'), '--watch'])
    try {
      const [line] = (await once(createInterface(report.stdout), 'line')) as [string]
      const { page, troubles } = await openPage(browser(), line.replace('report', '').trim())
      await page.waitForFunction(() => document.querySelector('#state')?.textContent.startsWith('running · step'))
      await waitForCharts(page)
      const linesNow = (): number => fs.readFileSync(inFolder('run', 'metrics.jsonl'), 'utf8').split('\n').length - 1
      const stepShown = async (): Promise<number> =>
        Number((await page.locator('#state').textContent())?.replaceAll(',', '').match(/step (\d+)/)?.[1])

      const first = await stepShown()
      await page.waitForFunction(
        (step) =>
          Number(
            document
              .querySelector('#state')
              ?.textContent.replaceAll(',', '')
              .match(/step (\d+)/)?.[1],
          ) > step,
        first,
      )
      const groups = await page.locator('#traces [role=status]').textContent()
      await page.waitForFunction(
        (before) => document.querySelector('#traces [role=status]')?.textContent !== before,
        groups,
      )

      await page.click('#pause')
      await page.waitForFunction(() => document.querySelector('#state')?.textContent.startsWith('paused'))
      const paused = linesNow()
      await setTimeout(2000)
      assert.equal(linesNow(), paused)
      assert.equal(readRunStatus(inFolder('run')).state, 'paused')

      await page.click('#resume')
      await page.waitForFunction(() => document.querySelector('#state')?.textContent.startsWith('running'))
      while (linesNow() <= paused) await setTimeout(50)

      page.on('dialog', (dialog) => void dialog.accept())
      await page.click('#stop')
      // As after Ctrl-C.
      assert.deepEqual(await trained, [130, null])
      await page.waitForFunction(() =>
        document.querySelector('#state')?.textContent.startsWith('no process trains here'),
      )
      assert.ok(await page.locator('#pause').isDisabled())
      assert.ok(fs.existsSync(inFolder('run', 'adapter', 'adapter_model.safetensors')))
      assert.ok(fs.existsSync(inFolder('run', 'report.html')))
      assert.deepEqual(troubles, [])
      await page.context().close()

      report.kill('SIGINT')
      assert.deepEqual(await once(report, 'exit'), [0, null])
    } finally {
      training.kill('SIGKILL')
      report.kill('SIGKILL')
    }
  })
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { findFreePort } from '../../scripts/freePort.js'
import { ChrootBuilder, startContainer } from './chrootImage.js'
import type { ChrootImage, StartOptions } from './chrootImage.js'
import { readDockerfile } from './dockerfile.js'

const repository = path.resolve(import.meta.dirname, '../..')

/** A run of one step. */
const shortRun = {
  model: '/opt/grpo-ts/checkpoints/word-problems-2m',
  task: 'word-problems',
  max_steps: 1,
  num_generations: 4,
  per_device_train_batch_size: 4,
  max_completion_length: 8,
  output_dir: 'runs/test',
}

/** The folder that a user would mount, which belongs to user 1000. */
function useVolume(): () => string {
  let folder = ''
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-volume-'))
    fs.chownSync(folder, 1000, 1000)
    fs.chmodSync(folder, 0o755)
  })
  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true })
  })
  return () => folder
}

/** Sends a signal to the container's first process, as `docker stop` does. */
function signalContainer({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  const children = fs.readFileSync(`/proc/${pid!}/task/${pid!}/children`, 'utf8').trim().split(' ')
  process.kill(Number(children[0]), signal)
}

describe('the container', () => {
  const builder = new ChrootBuilder(
    readDockerfile(fs.readFileSync(path.join(repository, 'Dockerfile'), 'utf8')),
    (text) => {
      console.log(`    ${text.slice(0, 110)}`)
    },
  )
  before(function () {
    if (process.getuid?.() === 0 && spawnSync('debootstrap', ['--version']).status === 0) return
    console.log('skipped: it takes Linux, root and debootstrap (apt-get install debootstrap)')
    this.skip()
  })
  after(function () {
    builder.remove()
  })

  for (const target of ['cpu', 'cuda']) {
    describe(`of target ${target}, built in a bare Debian`, () => {
      const volume = useVolume()
      let image: ChrootImage
      before(function () {
        this.timeout('20m')
        image = builder.build(target)
      })

      /** Runs a command to its end. */
      async function run(
        command: readonly string[],
        options: Partial<StartOptions> = {},
      ): Promise<{ status: number | null; output: string }> {
        const container = startContainer(image, { volume: volume(), ...options, command })
        let output = ''
        for (const stream of [container.stdout, container.stderr]) {
          stream?.on('data', (data: Buffer) => {
            output += data.toString()
          })
        }
        const [status] = (await once(container, 'close')) as [number | null]
        return { status, output }
      }

      it('is no root, and has Node and JupyterLab', async () => {
        const { output } = await run(['sh', '-c', 'id -u && node --version && jupyter lab --version && echo $HF_HOME'])
        assert.match(output, /^1000\nv(2\d)\.\d+\.\d+\n4\.\d+\.\d+\n\/work\/models\n$/)
        assert.match((await run(['doctor'])).output, /^cpu +works: native code /m)
      })

      it('hands the variables of the Hub on', async () => {
        const { output } = await run(['node', '-p', 'process.env.HF_TOKEN'], { env: { HF_TOKEN: 'hf_test' } })
        assert.equal(output, 'hf_test\n')
      })

      it('serves JupyterLab with a token, is healthy then, and ends when asked', async function () {
        const port = await findFreePort()
        const env = { JUPYTER_TOKEN: 'a-token', JUPYTER_PORT: String(port) }
        const container = startContainer(image, { volume: volume(), env })
        let log = ''
        container.stderr?.on('data', (data: Buffer) => {
          log += data.toString()
        })
        const get = (address: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${address}`)
        for (let tries = 0; tries < 300 && !(await get('/api').catch(() => null))?.ok; tries++) await sleep(200)
        assert.equal((await get('/api/contents')).status, 403, log)
        assert.equal((await get('/api/contents?token=wrong')).status, 403)
        const contents = (await (await get('/api/contents/notebooks?token=a-token')).json()) as {
          content: { name: string }[]
        }
        assert.ok(contents.content.some(({ name }) => name === 'grpo-reasoning.ipynb'))
        const specs = (await (await get('/api/kernelspecs?token=a-token')).json()) as { kernelspecs: object }
        assert.ok('tslab' in specs.kernelspecs && 'tslab-stock' in specs.kernelspecs)
        const saved = await fetch(`http://127.0.0.1:${port}/api/contents/work/mine.txt?token=a-token`, {
          method: 'PUT',
          body: JSON.stringify({ type: 'file', format: 'text', content: 'kept' }),
        })
        assert.equal(saved.status, 201)
        assert.equal(fs.readFileSync(path.join(volume(), 'mine.txt'), 'utf8'), 'kept')

        const health = (): number | null =>
          spawnSync('chroot', [image.root, ...image.healthcheck], { env: { ...image.env, ...env } }).status
        // Its /tmp is the image's here, so that the mark of `lab` stays: what ran before was asked for nothing.
        assert.equal(health(), 0)
        const ended = once(container, 'close')
        signalContainer(container, 'SIGTERM')
        await Promise.race([ended, sleep(15_000).then(() => assert.fail(`it did not end\n${log}`))])
        assert.equal(health(), 1)
        fs.rmSync(path.join(image.root, 'tmp/jupyter-lab'))
        assert.equal(health(), 0)
      })

      it('runs a notebook of the volume through Jupyter, with the package', async function () {
        const source = `import { loadModel } from 'grpo-ts';\nconst kind: string = typeof loadModel;\nconsole.log({ kind });`
        const cell = { cell_type: 'code', id: 'a', metadata: {}, execution_count: null, outputs: [], source }
        const kernelspec = { name: 'tslab', display_name: 'TypeScript', language: 'typescript' }
        const notebook = { cells: [cell], metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }
        fs.writeFileSync(path.join(volume(), 'mine.ipynb'), JSON.stringify(notebook))
        const { status, output } = await run(['jupyter', 'execute', '--output=out.ipynb', 'mine.ipynb'])
        assert.equal(status, 0, output)
        assert.match(fs.readFileSync(path.join(volume(), 'out.ipynb'), 'utf8'), /\{ kind: 'function' \}/)
      })

      it('executes a notebook without a browser', async function () {
        const short = ['-p', 'maxSteps=4', '-p', 'evaluationProblems=8', '-p', 'interludes=false']
        const { status, output } = await run(['notebook', '--quiet', ...short])
        assert.equal(status, 0, output)
        const names = fs.readdirSync(path.join(volume(), 'runs/notebooks'))
        assert.deepEqual(names.sort(), ['grpo-reasoning.html', 'grpo-reasoning.ipynb'])
        assert.equal(fs.statSync(path.join(volume(), 'runs/notebooks/grpo-reasoning.html')).uid, 1000)
      })

      it('trains by a recipe of the volume, also as another user', async function () {
        fs.writeFileSync(path.join(volume(), 'recipe.yaml'), stringify(shortRun))
        for (const user of ['1000:1000', '4711:4711']) {
          fs.rmSync(path.join(volume(), 'runs'), { recursive: true, force: true })
          fs.rmSync(path.join(volume(), 'models'), { recursive: true, force: true })
          fs.chownSync(volume(), Number(user.split(':')[0]), 1000)
          const { status, output } = await run(['train', 'recipe.yaml'], { user })
          assert.equal(status, 0, output)
          assert.ok(fs.existsSync(path.join(volume(), 'runs/test/adapter/adapter_model.safetensors')))
        }
      })

      it('says when the volume cannot be written to', async () => {
        fs.chownSync(volume(), 0, 0)
        const { status, output } = await run(['doctor'])
        assert.equal(status, 73)
        assert.match(output, /\/work cannot be written to by user 1000: start the container with --user/)
      })

      it('saves a run that is stopped, and goes on with it', async function () {
        const recipe = { ...shortRun, max_steps: 60 }
        fs.writeFileSync(path.join(volume(), 'recipe.yaml'), stringify(recipe))
        const container = startContainer(image, { volume: volume(), command: ['train', 'recipe.yaml'] })
        let output = ''
        for (const stream of [container.stdout, container.stderr]) {
          stream?.on('data', (data: Buffer) => {
            output += data.toString()
          })
        }
        const ended = once(container, 'close')
        const metrics = path.join(volume(), 'runs/test/metrics.jsonl')
        const steps = (): number =>
          fs.existsSync(metrics) ? fs.readFileSync(metrics, 'utf8').split('\n').length - 1 : 0
        for (let tries = 0; tries < 600 && steps() < 2; tries++) await sleep(200)
        assert.ok(steps() >= 2 && steps() < recipe.max_steps, output)
        signalContainer(container, 'SIGTERM')
        assert.deepEqual((await ended)[0], 143, output)
        const saved = steps()
        assert.ok(fs.existsSync(path.join(volume(), `runs/test/checkpoints/step-${saved}`)), output)
        const again = await run(['train', 'recipe.yaml', '--resume'])
        assert.equal(again.status, 0, again.output)
        assert.equal(steps(), recipe.max_steps)
      })

      it(`${target === 'cuda' ? 'has' : 'does without'} the plugin of XLA for CUDA`, async () => {
        const { output } = await run(['doctor'])
        if (target === 'cpu') assert.match(output, /^XLA +no plugin is installed/m)
        else assert.match(output, /^XLA +cuda12: jax-cuda12-pjrt [\d.]+$/m)
      })
    })
  }
})

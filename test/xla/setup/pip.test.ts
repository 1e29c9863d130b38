import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../../../src/errors.js'
import { installFolder } from '../../../src/xla/setup/installed.js'
import { pipSource } from '../../../src/xla/setup/pip.js'
import { setUpPlugin } from '../../../src/xla/setup/setUp.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { useCacheFolder } from './cacheFolder.js'
import { pluginEntries, releaseOf, writeWheel } from './wheelFile.js'
import type { WheelFile } from './wheelFile.js'

/** Stands for `python3 -m pip`: says its version, and writes down its arguments and copies the wheels in place of a download. */
const fakePython = (version: string, download: string): string => `#!/bin/sh
if [ "$3" = --version ]; then echo 'pip ${version} from somewhere (python 3.11)'; exit 0; fi
printf '%s\\n' "$@" > "$RECORD/arguments"
while [ $# -gt 0 ]; do
  case "$1" in
    --dest) dest=$2 ;;
    --requirement) cp "$2" "$RECORD/requirements" ;;
  esac
  shift
done
${download}
`

describe('xla/setup/pip', () => {
  const inFolder = useTemporaryFolder()
  useCacheFolder(() => inFolder('cache'))
  let earlierPath: string | undefined
  let wheel: WheelFile
  beforeEach(function () {
    if (process.platform === 'win32') this.skip()
    earlierPath = process.env.PATH
    fs.mkdirSync(inFolder('bin'))
    process.env.PATH = [inFolder('bin'), '/usr/bin', '/bin'].join(path.delimiter)
    process.env.RECORD = inFolder()
    const name = 'own_plugin-1.0-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl'
    wheel = writeWheel(inFolder('wheels'), name, pluginEntries)
  })
  afterEach(() => {
    process.env.PATH = earlierPath
    delete process.env.RECORD
  })
  const install = (version: string, download: string): void => {
    fs.writeFileSync(inFolder('bin', 'python3'), fakePython(version, download), { mode: 0o755 })
  }

  it('is asked for the pinned file and nothing else, for the platform of the wheel', async () => {
    install('25.3', `echo 'Progress 10 of 20'; cp '${inFolder('wheels')}'/*.whl "$dest"`)
    const source = pipSource()!
    assert.equal(source.name, 'pip 25.3')
    const loaded: number[] = []
    await setUpPlugin(releaseOf([wheel]), source, { onProgress: ({ loadedBytes }) => loaded.push(loadedBytes) })
    assert.ok(fs.existsSync(`${installFolder(releaseOf([wheel]))}/own_plugin/plugin.so`))
    assert.deepEqual(loaded, [10, wheel.bytes])
    const requirement = fs.readFileSync(inFolder('requirements'), 'utf8')
    assert.equal(requirement, `own-plugin==1.0 --hash=sha256:${wheel.sha256}\n`)
    const given = fs.readFileSync(inFolder('arguments'), 'utf8').replaceAll('\n', ' ')
    assert.match(given, /^-m pip download --no-deps --require-hashes .*--progress-bar raw /)
    assert.match(given, /--implementation cp --python-version 312 --abi cp312 /)
    assert.match(given, /--platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 /)
  })

  it('is not believed when it brings something else', async () => {
    install('23.2', `echo another > "$dest/${wheel.file}"`)
    await assert.rejects(setUpPlugin(releaseOf([wheel]), pipSource()!), /has 8 bytes; expected \d+: it is damaged/)
    assert.match(fs.readFileSync(inFolder('arguments'), 'utf8'), /--progress-bar\noff\n/)
    assert.equal(fs.existsSync(installFolder(releaseOf([wheel]))), false)
  })

  it('is quoted when it fails, without what is secret, and with another way', async () => {
    install('25.3', "echo 'ERROR: no file at https://me:secret@index.example/simple' >&2; exit 1")
    await assert.rejects(setUpPlugin(releaseOf([wheel]), pipSource()!), (error: Error) => {
      assert.ok(error instanceof GrpoError)
      assert.match(
        error.message,
        /^pip could not fetch own_plugin-1\.0-.*:\n {2}ERROR: no file at https:\/\/\*\*\*@index/,
      )
      assert.match(error.message, /--index https:\/\/pypi\.org\/simple/)
      return true
    })
  })

  it('ends when the user interrupts', async () => {
    install('25.3', 'echo "Progress 1 of 2"; exec sleep 60')
    const controller = new AbortController()
    const onProgress = (): void => {
      controller.abort(new Error('stop'))
    }
    const setUp = setUpPlugin(releaseOf([wheel]), pipSource()!, { signal: controller.signal, onProgress })
    await assert.rejects(setUp, /^Error: stop$/)
  })

  it('is none where there is none', () => {
    process.env.PATH = inFolder('bin')
    assert.equal(pipSource(), null)
    install('', 'exit 1')
    assert.equal(pipSource(), null)
  })
})

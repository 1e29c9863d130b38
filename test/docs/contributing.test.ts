import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'

const root = path.resolve(import.meta.dirname, '../..')
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** The npm scripts that a text tells to run, with `test:a`, `test:b` behind one of them. */
function scriptsIn(text: string): string[] {
  return [
    ...[...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name!),
    ...[...text.matchAll(/`((?:test|bench):[\w-]+)`/g)].map(([, name]) => name!),
  ]
}

/** What a text names that is not there: files behind links and `file`s of the repository. */
function missingFiles(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, file]) => file!)
  const named = [...text.matchAll(/(?<![\w/.])((?:src|test|bench|scripts|docs|native|notebooks)\/[\w./-]*\w)/g)]
  // Names in capitals stand for any name.
  const files = [...links, ...named.map(([, file]) => file!)].filter((file) => !/\b[A-Z]{4,}\b/.test(file))
  return [...new Set(files)].filter((file) => !fs.existsSync(path.join(root, file)))
}

describe('CONTRIBUTING.md', () => {
  const text = read('CONTRIBUTING.md')

  it('names files that are there', () => {
    assert.deepEqual(missingFiles(text), [])
    assert.ok([...text.matchAll(/\]\(src\//g)].length > 20)
    const wrong = '[a](src/gone.ts) [b](README.md#layout) `test/gone/one.test.ts` src/rewards src/rewards/NAME.ts'
    assert.deepEqual(missingFiles(wrong), ['src/gone.ts', 'test/gone/one.test.ts'])
  })

  it('names npm scripts that are there, and all that run tests', () => {
    const named = new Set(scriptsIn(text))
    assert.deepEqual(
      [...named].filter((name) => !(name in scripts)),
      [],
    )
    const tests = Object.keys(scripts).filter((name) => name.startsWith('test:'))
    assert.deepEqual(
      tests.filter((name) => !named.has(name)),
      [],
    )
  })
})

describe('CHANGELOG.md', () => {
  it('has the form of Keep a Changelog', () => {
    const text = read('CHANGELOG.md')
    assert.match(text, /^# Changelog\n/)
    const versions = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading!)
    assert.equal(versions[0], '[Unreleased]')
    for (const version of versions.slice(1)) assert.match(version, /^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/)
    for (const section of text.split(/^## /m).slice(1)) {
      const kinds = [...section.matchAll(/^### (.*)$/gm)].map(([, kind]) => kind!)
      assert.ok(
        kinds.every((kind) => /^(Added|Changed|Deprecated|Removed|Fixed|Security)$/.test(kind)),
        kinds.join(', '),
      )
      assert.equal(new Set(kinds).size, kinds.length, `each kind once: ${kinds.join(', ')}`)
    }
    assert.doesNotMatch(text, /^(<<<<<<<|=======|>>>>>>>)/m)
  })
})

describe('.github', () => {
  interface Step {
    readonly uses?: string
    readonly run?: string
  }
  interface Workflow {
    readonly permissions: unknown
    readonly jobs: Record<string, { readonly 'timeout-minutes': number; readonly steps: Step[] }>
  }

  it('has a workflow whose scripts are there, whose rights are few, and whose actions have a version', () => {
    const workflow = parse(read('.github/workflows/ci.yml')) as Workflow
    assert.deepEqual(workflow.permissions, { contents: 'read' })
    for (const [name, job] of Object.entries(workflow.jobs)) {
      assert.ok(job['timeout-minutes'] > 0, `${name} has no end`)
      for (const { uses, run } of job.steps) {
        assert.equal((uses === undefined) !== (run === undefined), true)
        if (uses !== undefined) assert.match(uses, /^actions\/[\w-]+@v\d+$/)
        for (const script of scriptsIn(run ?? '')) assert.ok(script in scripts, `npm run ${script}`)
        for (const [file] of (run ?? '').matchAll(/(?<=node )(?!node_modules|dist)\S+/g)) {
          assert.ok(fs.existsSync(path.join(root, file)), file)
        }
      }
    }
    assert.doesNotMatch(read('.github/workflows/ci.yml'), /secrets\./)
  })

  it('has forms for issues, of elements that GitHub knows', () => {
    const folder = '.github/ISSUE_TEMPLATE'
    const forms = fs.readdirSync(path.join(root, folder)).filter((name) => name !== 'config.yml')
    assert.deepEqual(forms.sort(), ['bug.yml', 'feature.yml'])
    for (const name of forms) {
      const form = parse(read(`${folder}/${name}`)) as { name: string; description: string; body: FormElement[] }
      assert.ok(form.name && form.description)
      const ids = form.body.map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length)
      for (const { type, attributes } of form.body) {
        assert.ok(['markdown', 'textarea', 'input', 'dropdown', 'checkboxes'].includes(type), type)
        assert.ok(attributes.label)
        if (type === 'dropdown' || type === 'checkboxes') assert.ok(attributes.options!.length > 0)
      }
    }
    assert.match(read(`${folder}/bug.yml`), /grpo-ts doctor/)
    assert.deepEqual(parse(read(`${folder}/config.yml`)), { blank_issues_enabled: true })
  })

  it('has a template for pull requests whose scripts are there', () => {
    for (const script of scriptsIn(read('.github/pull_request_template.md'))) assert.ok(script in scripts, script)
  })

  interface FormElement {
    readonly type: string
    readonly id: string
    readonly attributes: { readonly label?: string; readonly options?: readonly unknown[] }
  }
})

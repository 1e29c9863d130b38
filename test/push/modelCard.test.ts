import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { selectEngine } from '../../src/engine/registry.js'
import { readEvaluation, writeEvaluation } from '../../src/run/evaluationFile.js'
import { shareText } from '../../src/push/cardTables.js'
import type { PushFile } from '../../src/push/pushFiles.js'
import { pushToHub } from '../../src/push/pushToHub.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { pythonWith } from '../python.js'
import { writeFinishedRun } from './finishedRun.js'
import type { FinishedRunOptions } from './finishedRun.js'

describe('modelCard', () => {
  const temporary = useTemporaryFolder()

  before(() => selectEngine('cpu'))

  async function pushOf(options: Partial<FinishedRunOptions>, baseModel = 'owner/tiny@main') {
    const run = await writeFinishedRun(temporary('run'), { model: temporaryTinyModel(), ...options })
    return pushToHub({ run, repo: 'alice/letters', dryRun: true, baseModel, onWarning: () => undefined })
  }

  function textOf(file: PushFile | undefined): string {
    return (file!.content as Buffer).toString()
  }

  function metadataOf(card: string): Record<string, unknown> {
    return parse(card.split('---\n')[1]!) as Record<string, unknown>
  }

  it('has the numbers of the evaluation, before and after, with intervals', async () => {
    const { card } = await pushOf({})
    const { policies, comparisons, problems } = readEvaluation(temporary('run', 'eval.json'))
    const [base, trained] = policies
    for (const decoding of ['greedy', 'sampled'] as const) {
      for (const key of ['accuracy', 'accuracyLenient', 'truncated'] as const) {
        const row = `| ${shareText(base![decoding]![key])} | ${shareText(trained![decoding]![key])} |`
        assert.ok(card.includes(row), `${decoding} ${key}: ${row}`)
      }
      const difference = comparisons[0]![decoding]!.strict.difference.value
      assert.ok(card.includes(`${(100 * difference).toFixed(1)} points`))
    }
    assert.ok(card.includes(`n = ${problems.length}`))
    assert.match(card, /pass@2 \(strict\)/)
    assert.match(card, /No placebo was trained/)
    assert.match(card, /\| `seed` \| 42 \|/)
    assert.match(card, /20 steps; mean reward 0\.005 in the first tenth of them, 0\.185 in the last/)
    assert.match(card, /PeftModel\.from_pretrained\(base, "alice\/letters"\)/)
    assert.match(
      card,
      /vllm serve owner\/tiny --revision main --enable-lora --max-lora-rank 8 --lora-modules letters=alice\/letters/,
    )
    assert.match(card, /convert_hf_to_gguf\.py/)
    assert.match(card, /grpo-ts generate --model owner\/tiny@main --adapter alice\/letters/)
    assert.match(card, /2402\.03300/)
    const index = metadataOf(card)['model-index'] as { results: { metrics: { value: number; name: string }[] }[] }[]
    const values = index[0]!.results[0]!.metrics
    assert.equal(values[0]!.value, trained!.greedy!.accuracy.value)
    assert.deepEqual(
      values.map(({ name }) => name),
      [
        'accuracy (strict, greedy)',
        'accuracy (lenient, greedy)',
        ...['strict', 'lenient'].map((form) => `accuracy (${form}, 3 completions a problem at temperature 1)`),
        ...[2, 3].map((k) => `pass@${k} (strict, 3 completions a problem at temperature 1)`),
      ],
    )
  })

  it('shows a placebo when there is one', async () => {
    const { card } = await pushOf({ placebo: true })
    assert.match(card, /\| {2}\| base \| trained \| placebo \| trained − base \|/)
    assert.match(card, /- greedy decoding, strict: placebo − base [+-]?[\d.]+ points/)
    assert.match(card, /trained − placebo [+-]?[\d.]+ points/)
    assert.doesNotMatch(card, /No placebo/)
  })

  it('claims nothing of a run that was not evaluated', async () => {
    const { card, files } = await pushOf({ evaluated: false })
    assert.match(card, /## Results\n\nNot evaluated\./)
    assert.match(card, /Nothing is known of what it can do/)
    assert.doesNotMatch(card, /model-index|\[\d+\.\d, |points/)
    assert.ok(files.every(({ path }) => !path.includes('eval')))
  })

  it('says when the base model is on no Hub', async () => {
    const run = await writeFinishedRun(temporary('run'), { model: temporaryTinyModel() })
    const warnings: string[] = []
    const onWarning = (line: string): unknown => warnings.push(line)
    const { card } = await pushToHub({ run, repo: 'alice/letters', dryRun: true, onWarning })
    assert.match(warnings.join(), /others cannot load the adapter.*--base-model/)
    assert.match(card, /a model that is not on the Hub/)
    assert.ok(!('base_model' in metadataOf(card)))
  })

  it('says in which format the weights of the base model were, in training and where it was measured', async () => {
    const plain = await pushOf({})
    assert.match(plain.card, /Weights of the base model: float32\./)
    assert.match(plain.card, /\| `dtype` \| auto \|/)
    assert.doesNotMatch(plain.card, /quantised|--dtype/)
    const int4 = 'int4, groups of 32, embeddings int8'
    const { card } = await pushOf({ dtype: 'int4' })
    for (const text of [
      `, with its weights quantised (${int4}), trained with GRPO`,
      `Weights of the base model: ${int4}.`,
      `- Trained and measured against quantised weights of the base model (${int4}): with`,
      'grpo-ts generate --model owner/tiny@main --dtype int4 --adapter',
      "loadModel('owner/tiny@main', { dtype: 'int4' })",
    ]) {
      assert.ok(card.includes(text), text)
    }
    const unmeasured = await pushOf({ dtype: 'int8', evaluated: false })
    assert.match(unmeasured.card, /with its weights quantised \(int8\), trained/)
    assert.match(unmeasured.card, /- Trained against quantised weights of the base model \(int8\)/)
  })

  it('tells the training’s format from that of the measurement', async () => {
    const run = await writeFinishedRun(temporary('run'), { model: temporaryTinyModel(), dtype: 'int8' })
    const file = temporary('run', 'eval.json')
    const evaluation = readEvaluation(file)
    const policies = evaluation.policies.map((one) => ({ ...one, weightFormat: 'bfloat16' }))
    writeEvaluation(file, { ...evaluation, policies })
    const push = { run, repo: 'alice/letters', dryRun: true, baseModel: 'owner/tiny', onWarning: () => undefined }
    assert.match((await pushToHub(push)).card, /- Trained against .* \(int8\), and measured with them in bfloat16\.\n/)
    const config = temporary('run', 'config.yaml')
    fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replace('dtype: int8', 'dtype: auto'))
    writeEvaluation(file, evaluation)
    assert.match(
      (await pushToHub(push)).card,
      /- Measured with quantised weights .* \(int8, groups of 64\), against which it was not trained\.\n/,
    )
  })

  it('names the model that a quantised base model was made from', async () => {
    const copy = temporaryTinyModel()
    const run = await writeFinishedRun(temporary('run'), { model: copy, evaluated: false })
    const file = path.join(copy, 'config.json')
    const config = JSON.parse(fs.readFileSync(file, 'utf8')) as object
    const quantization = { quant_method: 'grpo-ts', base_model: 'owner/large@abc' }
    fs.writeFileSync(file, JSON.stringify({ ...config, quantization_config: quantization }))
    const push = { run, repo: 'alice/letters', dryRun: true, onWarning: () => undefined }
    const here = (await pushToHub(push)).card
    assert.equal(metadataOf(here).base_model, 'owner/large')
    assert.match(here, /grpo-ts merge --model owner\/large@abc --adapter/)
    assert.match(here, /\[owner\/large\].* \(revision `abc`\), with its weights quantised \(grpo-ts\), trained/)
    const { card } = await pushToHub({ ...push, baseModel: 'owner/copy' })
    assert.deepEqual(metadataOf(card).base_model, ['owner/copy', 'owner/large'])
    assert.match(card, /grpo-ts merge --model owner\/large@abc --adapter/)
    assert.match(card, /\[owner\/copy\].* \(made from owner\/large@abc\)/)
  })

  it('shows no way to load an adapter that its quantised base model does not take', async () => {
    const copy = temporaryTinyModel()
    const run = await writeFinishedRun(temporary('run'), { model: copy, evaluated: false })
    const file = path.join(copy, 'config.json')
    const config = JSON.parse(fs.readFileSync(file, 'utf8')) as object
    const cardOf = async (quant_method: string): Promise<string> => {
      fs.writeFileSync(file, JSON.stringify({ ...config, quantization_config: { quant_method } }))
      return (await pushToHub({ run, repo: 'alice/letters', dryRun: true, onWarning: () => undefined })).card
    }
    const ours = await cardOf('grpo-ts')
    assert.doesNotMatch(ours, /from_pretrained|vllm serve|grpo-ts merge --model/)
    assert.match(
      ours,
      /\nThe files of the base model are quantised\. Transformers, vLLM and .* take the adapter with the model that/,
    )
    assert.match(ours, /grpo-ts generate --model path\/to\//)
    const theirs = await cardOf('bitsandbytes')
    assert.match(theirs, /from_pretrained\("path\/to\//)
    assert.match(theirs, /vllm serve/)
    assert.doesNotMatch(theirs, /grpo-ts merge --model/)
  })

  it('has results for the list of a data set only when the problems are of one', async () => {
    const { files } = await pushOf({ data: 'owner/letters@abc' })
    const file = files.find(({ path }) => path === '.eval_results/letters.yaml')
    const [entry] = parse(textOf(file)) as [{ dataset: unknown; value: number; notes: string }]
    assert.deepEqual(entry.dataset, { id: 'owner/letters', task_id: 'letters', revision: 'abc' })
    const { policies } = readEvaluation(temporary('run', 'eval.json'))
    assert.equal(entry.value, policies[1]!.greedy!.accuracy.value)
    assert.match(entry.notes, /accuracy \(strict, greedy\).*n = 12/)
    const local = await pushOf({ data: '/somewhere/letters' })
    assert.ok(local.files.every(({ path }) => !path.startsWith('.eval_results')))
  })

  it('is read by huggingface_hub', async function () {
    const python = pythonWith(this, 'huggingface_hub')
    const { card, files } = await pushOf({ data: 'owner/letters@abc', placebo: true })
    const program = `
import json, sys, yaml
from huggingface_hub import ModelCard
from huggingface_hub._eval_results import parse_eval_result_entries
card, results = json.load(sys.stdin)
data = ModelCard(card).data
entries = parse_eval_result_entries(yaml.safe_load(results))
print(json.dumps([data.base_model, data.library_name, data.datasets, data.model_name,
  [[r.metric_type, r.metric_value, r.metric_name, r.dataset_type, r.dataset_split, r.dataset_revision] for r in data.eval_results],
  [[e.dataset_id, e.task_id, e.value, e.dataset_revision] for e in entries]]))`
    const results = textOf(files.find(({ path }) => path.startsWith('.eval_results')))
    const input = JSON.stringify([card, results])
    const { stdout, stderr } = spawnSync(python, ['-c', program], { input, encoding: 'utf8' })
    assert.notEqual(stdout, '', stderr)
    const [base, library, datasets, name, metrics, entries] = JSON.parse(stdout) as unknown[]
    assert.deepEqual([base, library, datasets, name], ['owner/tiny', 'peft', ['owner/letters'], 'letters'])
    const { policies } = readEvaluation(temporary('run', 'eval.json'))
    const value = policies[1]!.greedy!.accuracy.value
    assert.deepEqual((metrics as unknown[])[0], [
      'accuracy',
      value,
      'accuracy (strict, greedy)',
      'owner/letters',
      'test',
      'abc',
    ])
    assert.deepEqual(entries, [['owner/letters', 'letters', value, 'abc']])
  })
})

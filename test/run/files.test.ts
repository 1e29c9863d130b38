import assert from 'node:assert/strict'
import fs from 'node:fs'
import { stringify } from 'yaml'
import { FileFormatError, GrpoError } from '../../src/errors.js'
import { readCompletions } from '../../src/run/completionsFile.js'
import type { CompletionLine } from '../../src/run/completionsFile.js'
import { formatConfig, readRunConfig } from '../../src/run/configFile.js'
import { readDiagnosis } from '../../src/run/diagnosisFile.js'
import type { DiagnosisLine } from '../../src/run/diagnosisFile.js'
import { GrowingFiles } from '../../src/run/growingFiles.js'
import { runLayout } from '../../src/run/layout.js'
import { readMetrics, tailMetrics } from '../../src/run/metricsFile.js'
import { readPreflight, writePreflight } from '../../src/run/preflightFile.js'
import { startRunFolder } from '../../src/run/runEntries.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { completionLine } from '../report/runFixture.js'

describe('run/files', () => {
  const inFolder = useTemporaryFolder()
  const folder = (): string => inFolder('run')
  const layout = (): ReturnType<typeof runLayout> => runLayout(folder())
  const write = (file: string, text: string): void => {
    fs.mkdirSync(folder(), { recursive: true })
    fs.writeFileSync(file, text)
  }
  const completions = async (): Promise<CompletionLine[]> => {
    const lines: CompletionLine[] = []
    for await (const line of readCompletions(folder())) lines.push(line)
    return lines
  }
  const failsWith = (message: RegExp) => (error: unknown) =>
    error instanceof FileFormatError && message.test(error.message)

  const finding: DiagnosisLine = {
    step: 3,
    name: 'not_finite',
    subject: null,
    severity: 'error',
    message: 'the loss is not a number',
    evidence: { loss: null, 'rewards/a/mean': 0.5 },
    advice: 'lower learningRate',
    state: 'started',
    since: 3,
  }

  describe('the files that grow', () => {
    it('give back what was written into them; NaN, infinities and what is undefined as null or nothing', async () => {
      const tokens: Partial<CompletionLine> = {
        completion_ids: [1, 2, 0],
        tokens: [' ', '\u2028😀', ''],
        logprobs: [-0.5, null, 0],
        ref_logprobs: [-1, -2, -3],
        mask: [1, 0, 1],
      }
      const lines = [
        completionLine({ group: 1, correct: true, rewards: { __proto__x: 1, 'my reward': null } }),
        completionLine({ step: 2, correct: null, reward: null, answer: null, finish_reason: 'length', ...tokens }),
      ]
      const files = new GrowingFiles(folder(), ['metrics', 'completions', 'diagnosis'], {}, (message) => {
        throw new Error(message)
      })
      files.write({
        metrics: [{ step: 1, loss: NaN, grad_norm: Infinity, reward: 1e-300, kl: undefined, 'rewards/a/mean': -0 }],
      })
      files.write({ metrics: [{ step: 2, loss: 0 }], completions: lines, diagnosis: [finding] })
      files.close()
      assert.deepEqual(await readMetrics(folder()), [
        { step: 1, loss: null, grad_norm: null, reward: 1e-300, 'rewards/a/mean': 0 },
        { step: 2, loss: 0 },
      ])
      assert.deepEqual(await completions(), lines)
      assert.deepEqual(await readDiagnosis(folder()), [finding])
    })

    it('are read as version 0.1.0 wrote them at first: without groups, correctness and tokens', async () => {
      write(
        layout().completions,
        '{"step":1,"problem":"sums/1","prompt":"1+1=","completion":"2","answer":"2","rewards":{"exact":1},"reward":1,' +
          '"advantage":0.7071067690849304,"finish_reason":"stop","length":2}\n',
      )
      write(
        layout().metrics,
        '{"step":1,"loss":0,"grad_norm":1.5,"learning_rate":0.00001,"reward":0.5,"rewards/exact/mean":0.5,"frac_reward_zero_std":0}\n',
      )
      const [line] = await completions()
      assert.deepEqual(
        [line!.completion, line!.group, line!.correct, line!.tokens],
        ['2', undefined, undefined, undefined],
      )
      assert.equal((await readMetrics(folder()))[0]!['rewards/exact/mean'], 0.5)
    })

    it('may hold more than this version knows', async () => {
      const later = { tool_calls: [{ name: 'python' }], turn: 'first' }
      write(layout().metrics, `${JSON.stringify({ step: 1, loss: 0.5, ...later })}\n`)
      write(layout().completions, `${JSON.stringify({ ...completionLine(), ...later })}\n`)
      write(layout().diagnosis, `${JSON.stringify({ ...finding, name: 'of_a_later_version', ...later })}\n`)
      assert.deepEqual(await readMetrics(folder()), [{ step: 1, loss: 0.5 }])
      assert.deepEqual(await completions(), [completionLine()])
      assert.deepEqual(await readDiagnosis(folder()), [{ ...finding, name: 'of_a_later_version' }])
    })

    it('name what is damaged', async () => {
      const line = completionLine()
      for (const [damaged, message] of [
        [{ ...line, completion: undefined }, /completions\.jsonl:2: completion is missing/],
        [{ ...line, reward: '1' }, /reward must be of type number, got '1'/],
        [{ ...line, rewards: [1] }, /rewards must be of type record, got \[ 1 \]/],
        [{ ...line, rewards: { a: true } }, /rewards\.a must be of type number, got true/],
        [{ ...line, step: 1.5 }, /step must be of type int, got 1\.5/],
        [{ ...line, mask: [2] }, /mask\.0 /],
        [{ ...line, logprobs: ['-1'] }, /logprobs\.0 must be of type number/],
        ['text', /expected a JSON object, got 'text'/],
      ] as const) {
        write(layout().completions, `${JSON.stringify(line)}\n${JSON.stringify(damaged)}\n`)
        await assert.rejects(completions(), failsWith(message))
      }
      write(layout().metrics, '{"step":1}\n{"loss":1}\n{"step":1e999}\n{"step":-1}\n{"step":2}\n')
      await assert.rejects(readMetrics(folder()), failsWith(/metrics\.jsonl:2: step is missing/))
      const steps: number[] = []
      const tail = tailMetrics(folder())
      tail.read(({ step }) => steps.push(step))
      assert.deepEqual(steps, [1, 2])
      assert.equal(tail.problem, '3 lines are damaged and were left out, the first: metrics.jsonl:2: step is missing')
      write(layout().diagnosis, `${JSON.stringify({ ...finding, severity: 'awful' })}\n`)
      await assert.rejects(readDiagnosis(folder()), failsWith(/diagnosis\.jsonl:1: severity must be/))
    })
  })

  describe('preflight.json', () => {
    const preflight = {
      go: false,
      checks: [
        {
          name: 'pass_rate',
          status: 'problem' as const,
          message: 'no completion was right',
          advice: null,
          evidence: { attempts: 4 },
        },
      ],
      passRate: null,
      usableGroups: 0.25,
      tokensPerSecond: 12.5,
      secondsPerStep: 3,
      runSeconds: 300,
      memoryBytes: 2 ** 33,
      seconds: 9.75,
    }

    it('gives back what was written, in a folder that is made', () => {
      writePreflight(folder(), preflight)
      assert.deepEqual(readPreflight(folder()), preflight)
      // A speed of 0 makes the run endless.
      writePreflight(folder(), { ...preflight, runSeconds: Infinity })
      assert.equal(readPreflight(folder()).runSeconds, null)
      fs.writeFileSync(inFolder('file'), '')
      assert.throws(() => {
        writePreflight(inFolder('file', 'run'), preflight)
      }, GrpoError)
    })

    it('may hold more than this version knows, and names what is damaged', () => {
      assert.throws(() => readPreflight(folder()), failsWith(/preflight\.json: cannot be read \(ENOENT/))
      const content = { ...preflight, tokens: 3, checks: [{ ...preflight.checks[0]!, name: 'later', unit: 's' }] }
      write(layout().preflight, `\ufeff${JSON.stringify(content)}\r\n`)
      assert.equal(readPreflight(folder()).checks[0]!.name, 'later')
      write(layout().preflight, '')
      assert.throws(() => readPreflight(folder()), failsWith(/preflight\.json: the file is not valid JSON/))
      write(layout().preflight, JSON.stringify({ ...preflight, checks: [{ name: 'eos' }], go: 'yes' }))
      assert.throws(
        () => readPreflight(folder()),
        failsWith(/go must be of type boolean, got 'yes'; checks\.0\.status/),
      )
    })
  })

  describe('config.yaml', () => {
    it('gives back what was written, by snake_case names', () => {
      const options = {
        numGenerations: 8,
        rewards: ['correctness', { name: './My Reward.mjs', someOption: 1 }],
        taskOptions: { minOperand: 3 },
        systemPrompt: 'a: b # c\nd\u2028',
        minP: null,
      }
      startRunFolder(folder(), formatConfig(options))
      const { numGenerations, taskOptions, systemPrompt, minP, rewards } = options
      assert.deepEqual(readRunConfig(folder()), {
        num_generations: numGenerations,
        rewards,
        task_options: taskOptions,
        system_prompt: systemPrompt,
        min_p: minP,
      })
    })

    it('may be JSON, of Windows, with names in camelCase, empty or missing', () => {
      assert.equal(readRunConfig(folder()), null)
      write(layout().config, '')
      assert.deepEqual(readRunConfig(folder()), {})
      write(layout().config, `\ufeff${stringify({ numGenerations: 4 }).replaceAll('\n', '\r\n')}`)
      assert.deepEqual(readRunConfig(folder()), { num_generations: 4 })
      write(layout().config, JSON.stringify({ lora_r: 8 }, null, 2))
      assert.deepEqual(readRunConfig(folder()), { lora_r: 8 })
    })

    it('names what is damaged', () => {
      for (const [text, message] of [
        ['model: [', /config\.yaml: is not valid YAML/],
        ['- a\n', /expected options as name: value, got \[ 'a' \]/],
        ['numGenerations: 1\nnum_generations: 2\n', /num_generations is given twice, as num_generations and as numGen/],
      ] as const) {
        write(layout().config, text)
        assert.throws(() => readRunConfig(folder()), failsWith(message))
      }
    })
  })
})

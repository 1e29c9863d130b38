// Writes the interfaces of options, documented for editors, and the table of rewards' options in docs/rewards.md, from the schemas that check the options and describe them in help
// texts: node --import tsx scripts/option-types.mjs [--check]
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { evaluationOptions } from '../src/run/evaluationOptions.ts'
import { grpoConfigSchema } from '../src/grpo/config/config.ts'
import { samplingOptions } from '../src/engine/samplingOptions.ts'
import { schedulerKwargsSchema, schedulerSettings } from '../src/optim/schedulerOptions.ts'
import { describeOptions, helpText } from '../src/options/describe.ts'
import { pretrainConfigSchema } from '../src/pretrain/config.ts'
import { builtInRewards } from '../src/rewards/builtInRewards.ts'

const root = path.resolve(import.meta.dirname, '..')

const pascalCase = (name) => name.replace(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase())

const ofRewards = [...builtInRewards]
  .filter(([, { options }]) => Object.keys(options).length > 0)
  .map(([name, { options }]) => ({
    name: `${pascalCase(name)}Options`,
    base: 'RewardOptions',
    schema: z.strictObject(options),
    doc: `Options of the reward \`${name}\`.`,
  }))

/** Files of interfaces. */
const files = [
  {
    file: 'src/rewards/options.ts',
    head: "import type { RewardOptions } from './reward.js'\n\n",
    interfaces: ofRewards,
  },
  {
    file: 'src/engine/samplingSettings.ts',
    interfaces: [
      {
        name: 'SamplingSettings',
        schema: z.strictObject(samplingOptions),
        doc: 'How completions are drawn. All may be left out.',
      },
    ],
  },
  {
    file: 'src/eval/evaluationValues.ts',
    interfaces: [
      {
        name: 'EvaluationValues',
        schema: z.strictObject(evaluationOptions),
        doc: 'How completions are drawn and intervals computed. All may be left out.',
      },
    ],
  },
  {
    file: 'src/grpo/config/options.ts',
    interfaces: [
      {
        name: 'GRPOOptions',
        schema: grpoConfigSchema,
        doc: "Options of GRPO training: TRL's, by its names in camelCase, and some more (docs/trl.md). All may be left out.",
      },
    ],
  },
  {
    file: 'src/pretrain/options.ts',
    interfaces: [
      {
        name: 'PretrainOptions',
        schema: pretrainConfigSchema,
        doc: 'Options of pre-training. All may be left out.',
      },
    ],
  },
]

/** The type of what a schema takes, from JSON Schema. */
function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const)
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives) return [...new Set(alternatives.map(typeOf))].join(' | ')
  switch (schema.type) {
    case 'integer':
      return 'number'
    case 'array':
      return `readonly (${typeOf(schema.items)})[]`
    case 'object':
      return schema.properties
        ? `{ ${members(schema)} }`
        : `Readonly<Record<string, ${typeOf(schema.additionalProperties ?? {})}>>`
    case undefined:
      return 'unknown'
    default:
      return schema.type
  }
}

/** The members of an interface. Whoever passes on an option that was not given passes undefined: it counts as not given. */
function members({ properties, required = [] }) {
  return Object.entries(properties)
    .map(([name, property]) => {
      const type = required.includes(name) ? `: ${typeOf(property)}` : `?: ${typeOf(property)} | undefined`
      return `${comment(describe(property))}readonly ${name}${type}`
    })
    .join('\n')
}

function describe({ description, default: defaultValue }) {
  if (defaultValue === undefined || description?.includes('Defaults to ')) return description
  return `${description} Defaults to ${JSON.stringify(defaultValue)}.`
}

/** A doc comment, in lines as long as the code's. */
function comment(text) {
  if (text === undefined) return ''
  const lines = ['']
  for (const word of text.replaceAll('*/', '* /').split(' ')) {
    if (`${lines.at(-1)} ${word}`.length > 115) lines.push(word)
    else lines.push(`${lines.pop()} ${word}`.trimStart())
  }
  return lines.length === 1 ? `/** ${lines[0]} */\n` : `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`
}

/** The interface of a schema. */
function interfaceOf({ name, base, schema, doc }) {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // It takes any record, to name what is wrong with it by itself.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === schedulerKwargsSchema)
        jsonSchema.anyOf.unshift(z.toJSONSchema(schedulerSettings, { io: 'input' }))
    },
  })
  const heritage = base === undefined ? '' : ` extends ${base}`
  return `${comment(doc)}export interface ${name}${heritage} {\n${members(json)}\n}\n`
}

/** A file of interfaces. */
function textOf({ head = '', interfaces }) {
  return `// Made from schemas by \`npm run generate\`: change it there.\n\n${head}${interfaces.map(interfaceOf).join('\n')}`
}

/** A document whose part between two comments is made from the schemas of rewards. */
function withRewardOptions(page) {
  const rows = [...builtInRewards].flatMap(([reward, { options }]) =>
    describeOptions(options).map(
      (described) => `| \`${reward}\` | \`${described.name}\` | ${helpText(described).replaceAll('|', '\\|')} |\n`,
    ),
  )
  const table = `| Reward | Option | Meaning |\n| --- | --- | --- |\n${rows.join('')}`
  return page.replace(/(<!-- options: .*? -->\n)[^]*(\n<!-- end -->)/, `$1\n${table}$2`)
}

const made = [
  ...files.map(({ file, ...content }) => ({ file, text: textOf(content), parser: 'typescript' })),
  {
    file: 'docs/rewards.md',
    text: withRewardOptions(fs.readFileSync(path.join(root, 'docs/rewards.md'), 'utf8')),
    parser: 'markdown',
  },
]

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
for (const { file: name, text: unformatted, parser } of made) {
  const file = path.join(root, name)
  const text = await format(unformatted, { ...(await resolveConfig(file)), parser })
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) continue
  if (values.check) {
    console.error(`${name} is not what its schemas say: run npm run generate`)
    process.exitCode = 1
  } else {
    fs.writeFileSync(file, text)
    console.log(`${name} written`)
  }
}

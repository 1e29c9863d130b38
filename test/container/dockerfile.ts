import { DockerfileParser, ModifiableInstruction } from 'dockerfile-ast'

/** An instruction with its variables of the build filled in. */
export interface Instruction {
  readonly keyword: string
  readonly flags: Readonly<Record<string, string>>
  /** What stands behind keyword and flags, in words. */
  readonly words: readonly string[]
  /** The same as it is written. */
  readonly text: string
  /** From 1. */
  readonly line: number
}

export interface Stage {
  /** The image or the earlier stage that it begins with. */
  readonly from: string
  readonly name: string
  readonly instructions: readonly Instruction[]
}

/** The stages of a Dockerfile whose stages all have names; `ARG` before the first stage gives the images. */
export function readDockerfile(text: string): Stage[] {
  const dockerfile = DockerfileParser.parse(text)
  const images: Record<string, string> = {}
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const parsed of dockerfile.getInstructions()) {
    const isModifiable = parsed instanceof ModifiableInstruction
    const flags = isModifiable ? parsed.getFlags().map((flag) => [flag.getName(), flag.getValue() ?? '']) : []
    const words = parsed.getArguments().map((argument) => argument.getValue())
    const keyword = parsed.getKeyword()
    if (keyword === 'ARG' && stages.length === 0) {
      const [name, value] = words[0]!.split('=')
      images[name!] = value!
    } else if (keyword === 'FROM') {
      const [image, as, name] = words
      if (as?.toUpperCase() !== 'AS' || !name) throw new Error(`FROM ${words.join(' ')}: expected a stage with a name`)
      stages.push({ from: expand(image!, images), name, instructions: [] })
    } else {
      stages.at(-1)!.instructions.push({
        keyword,
        words,
        flags: Object.fromEntries(flags) as Record<string, string>,
        text: (parsed.getRawArgumentsContent() ?? '').replaceAll(/\\\n/g, ''),
        line: parsed.getRange().start.line + 1,
      })
    }
  }
  return stages
}

/** Fills in `$NAME` and `${NAME}`. */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const value = variables[braced ?? bare!]
    if (value === undefined) throw new Error(`${whole} is not set`)
    return value
  })
}

/** The strings of an instruction in JSON form, such as `CMD ["lab"]`. */
export function jsonStrings(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[]
}

import os from 'node:os'

/**
 * `~` and `$NAME`, `${NAME}` in a path, as a shell and Python's expanduser and expandvars replace them: where a path comes
 * from a file or an environment variable, no shell has done it. An unknown name stays as it is.
 */
export function expandPath(
  file: string,
  variables: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return file
    .replace(/^~(?=$|[\\/])/, os.homedir())
    .replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (text, plain?: string, braced?: string) => {
      return variables[plain ?? braced ?? ''] ?? text
    })
}

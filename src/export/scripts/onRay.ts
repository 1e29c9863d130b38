import fs from 'node:fs'

/**
 * The train command of an engine that works on Ray: on one machine it starts Ray by itself, on several the first one starts it, the
 * others join and stay as long as it. `command` is the words of a command in bash.
 */
export function onRay(command: string): string {
  const script = fs.readFileSync(new URL('onRay.sh', import.meta.url), 'utf8')
  return script.replace('{{COMMAND}}', () => command.trim().replaceAll('\n', '\n  '))
}

import { template } from '../template.js'

/**
 * The train command of an engine that works on Ray: on one machine it starts Ray by itself, on several the first one starts it, the
 * others join and stay as long as it. `command` is the words of a command in bash.
 */
export function onRay(command: string): string {
  const script = template('onRay.sh', import.meta.url)
  return script.replace('{{COMMAND}}', () => command.trim().replaceAll('\n', '\n  '))
}

import type { Draw } from '../wordProblems/draw.js'
import type { Operation } from './operations.js'

/** Asks for a function that does these operations one after another. */
export function programQuestion(draw: Draw, operations: readonly Operation[]): string {
  const [first, ...others] = operations
  const rest = others.map((operation) => phrase(draw, operation, 'it'))
  switch (draw.pick(['takes', 'that', 'sentences'] as const)) {
    case 'takes': {
      const phrases = [phrase(draw, first!, 'it'), ...rest]
      return phrases.length === 1
        ? `Write a function f that takes x and ${phrases[0]!}.`
        : `Write a function f that takes x, ${listed(phrases)}.`
    }
    case 'that':
      return `Write a function f that ${listed([phrase(draw, first!, 'x'), ...rest])}.`
    case 'sentences':
      return [
        `The function f ${phrase(draw, first!, 'x')}.`,
        ...rest.map((then) => `Then it ${then}.`),
        'Write f.',
      ].join(' ')
  }
}

/** `doubles it, adds 3 and then squares it` */
function listed(phrases: readonly string[]): string {
  if (phrases.length === 1) return phrases[0]!
  return `${phrases.slice(0, -1).join(', ')} and then ${phrases.at(-1)!}`
}

/** What is done to x, or to `it`, which may go without saying. */
function phrase(draw: Draw, { kind, number }: Operation, object: 'x' | 'it'): string {
  const isSaid = object === 'x'
  switch (kind) {
    case 'add':
      return isSaid ? `adds ${number} to x` : draw.pick([`adds ${number}`, `adds ${number} to it`])
    case 'subtract':
      return isSaid
        ? `takes ${number} away from x`
        : draw.pick([`takes ${number} away`, `takes away ${number}`, `subtracts ${number}`])
    case 'multiply': {
      const names = { 2: 'doubles', 3: 'triples' }
      const name = number === 2 || number === 3 ? names[number] : null
      const product = isSaid
        ? `multiplies x by ${number}`
        : draw.pick([`multiplies it by ${number}`, `multiplies by ${number}`])
      return name !== null && draw.chance(0.7) ? `${name} ${object}` : product
    }
    case 'square':
      return `squares ${object}`
  }
}

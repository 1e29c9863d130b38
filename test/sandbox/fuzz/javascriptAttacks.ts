import type { Attack } from './javascriptAttack.js'
import { asynchronous } from './javascriptAsync.js'
import { lying } from './javascriptLying.js'
import { names } from './javascriptNames.js'
import { reaching } from './javascriptReaching.js'
import { resources } from './javascriptResources.js'
import { tampering } from './javascriptTampering.js'

/** All attacks in JavaScript, by what they go for. */
export const javascriptAttacks: Readonly<Record<string, readonly Attack[]>> = {
  'the realm of the tests': reaching,
  'what crosses': tampering,
  'comparisons of tests': lying,
  'promises and exceptions': asynchronous,
  'time and memory': resources,
  'names and texts': names,
}

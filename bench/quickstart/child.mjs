// One quickstart in a process of its own, built as users run it, so that its time and peak memory are its own.
// Its only argument is the options of `quickstart` as JSON.
import process from 'node:process'
import { quickstart } from '../../dist/cli/quickstart/quickstart.js'

try {
  await quickstart(JSON.parse(process.argv[2]), process)
  process.exit(0)
} catch (error) {
  console.error(error.message)
  process.exit(1)
}

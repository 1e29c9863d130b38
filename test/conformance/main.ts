// npm run conformance -- DIR
import { conformance } from './command.js'

try {
  process.exitCode = await conformance(process.argv.slice(2), console.log)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 2
}

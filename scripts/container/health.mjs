// Whether the container does what it is for: exit code 0 when JupyterLab answers, or when a command runs instead of it.
import fs from 'node:fs'

if (fs.existsSync('/tmp/jupyter-lab')) {
  const port = process.env.JUPYTER_PORT ?? '8888'
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}/api`, { signal: AbortSignal.timeout(4000) })
    if (status >= 500) throw new Error(`status ${status}`)
  } catch (error) {
    console.error(`JupyterLab does not answer on port ${port}: ${error.message}`)
    process.exitCode = 1
  }
}

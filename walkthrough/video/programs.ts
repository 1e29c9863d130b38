import { spawnSync } from 'node:child_process'
import { GrpoError } from '../../src/errors.js'

/** Whether a program is on the PATH. */
export function isInstalled(program: string, versionFlag: string): boolean {
  return spawnSync(program, [versionFlag], { stdio: 'ignore' }).error === undefined
}

/** Throws a GrpoError that says how to get ffmpeg where there is none, or none that writes what the video needs. */
export function requireFfmpeg(): void {
  const { stdout, error } = spawnSync('ffmpeg', ['-hide_banner', '-encoders'], { encoding: 'utf8' })
  const advice =
    'install it with Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg'
  if (error) throw new GrpoError(`the video needs ffmpeg, which does not start (${error.message}); ${advice}`)
  const missing = ['libx264', 'aac', 'libwebp'].filter((name) => !new RegExp(` ${name} `).test(stdout))
  if (missing.length === 0) return
  throw new GrpoError(
    `the video needs an ffmpeg that encodes ${missing.join(' and ')}, and this one does not; ${advice}`,
  )
}

/** Runs ffmpeg. Throws a GrpoError with the end of what it says when it fails. */
export function runFfmpeg(what: string, args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], {
    input,
    maxBuffer: 2 ** 30,
  })
  if (status === 0) return stdout
  throw new GrpoError(
    `${what}: ffmpeg ended with ${status ?? 'a signal'}: ${error?.message ?? stderr.toString().slice(-800)}`,
  )
}

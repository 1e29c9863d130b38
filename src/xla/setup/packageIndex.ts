/** Wheels from a package index such as pypi.org, without pip: its pages are those of PEP 503 (HTML) or PEP 691 (JSON). */
import path from 'node:path'
import { z } from 'zod'
import { ConfigError, GrpoError } from '../../errors.js'
import { downloadFile } from '../../io/transfer/downloadFile.js'
import { retryAfter, TransientError, withNetworkDefaults } from '../../io/transfer/remote.js'
import type { NetworkOptions, Remote } from '../../io/transfer/remote.js'
import { getText, withoutQuery } from '../../io/transfer/request.js'
import type { Transfer, WheelSource } from './source.js'
import { wheelTags } from './wheels.js'
import type { Wheel } from './wheels.js'

/** Where pip looks too when nothing else is said. */
export const defaultIndex = 'https://pypi.org/simple'

const PAGE_TYPES = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5'

const pageSchema = z.object({
  files: z.array(
    z.object({ filename: z.string(), url: z.string(), hashes: z.object({ sha256: z.string().optional() }) }),
  ),
})

/** A file that a page of the index lists. */
interface ListedFile {
  readonly name: string
  /** Relative to the page, or not. */
  readonly url: string
  /** Null where the index does not say it. */
  readonly sha256: string | null
}

/**
 * The index at an address, which may hold a name and a password: they are sent to its own origin alone and never shown.
 * @throws ConfigError for what is no address
 */
export function indexSource(address: string, network: NetworkOptions = {}): WheelSource {
  const { url, authorization } = parseAddress(address)
  const name = withoutQuery(url.href).replace(/\/$/, '')
  const remoteFor = (signal: AbortSignal): Remote => ({
    signal,
    network: withNetworkDefaults(network),
    authorization: ({ origin }) => (origin === url.origin ? authorization : null),
    refusal: (response) => refusal(name, response, authorization !== null),
    failure: (_, message, options) => new GrpoError(message, options),
    advice: () =>
      'check the network, then run it again: it goes on where it stopped. Node.js knows no proxy of the environment, as pip does; ' +
      'another index is named by --index, a folder of files by --wheels',
  })
  return {
    name,
    isCopy: true,
    async fetch(wheel: Wheel, folder: string, { onBytes, signal }: Transfer): Promise<string> {
      const remote = remoteFor(signal)
      const file = path.join(folder, wheel.file)
      const found = await findFile(remote, name, wheel)
      const { bytes: size, sha256: digest } = wheel
      await downloadFile(remote, { url: found, what: wheel.file, size, digest, hash: 'sha256', file, onBytes })
      return file
    },
  }
}

function parseAddress(address: string): { url: URL; authorization: string | null } {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigError(`the index is no address of http or https; expected one such as ${defaultIndex}`)
  }
  const [user, password] = [url.username, url.password].map(decodeURIComponent) as [string, string]
  url.username = ''
  url.password = ''
  const isOpen = user === '' && password === ''
  return { url, authorization: isOpen ? null : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

/** The address of a wheel. */
async function findFile(remote: Remote, index: string, wheel: Wheel): Promise<string> {
  const page = `${index}/${wheelTags(wheel).name}/`
  const what = `looking up ${wheel.file}`
  return getText(remote, page, { what, accept: PAGE_TYPES }, (text, response) => {
    const files = response.headers.get('content-type')?.includes('json') ? readJson(text, page) : readHtml(text)
    const found = files.find(({ name }) => name === wheel.file)
    if (!found) {
      throw new GrpoError(
        `${page} does not list ${wheel.file} (it lists ${files.length} files); take another index by --index, or a folder of files by --wheels`,
      )
    }
    if (found.sha256 !== null && found.sha256 !== wheel.sha256) {
      throw new GrpoError(
        `${page} lists another file as ${wheel.file}: its SHA-256 is ${found.sha256}; expected ${wheel.sha256}. Nothing was fetched`,
      )
    }
    // Redirects may have led to another page, which relative addresses then belong to.
    return URL.canParse(found.url, response.url || page)
      ? fileAddress(new URL(found.url, response.url || page), page)
      : fail(page)
  })
}

function fileAddress(url: URL, page: string): string {
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') return fail(page)
  url.hash = ''
  return url.href
}

function fail(page: string): never {
  throw new GrpoError(
    `${page} links to an address that cannot be used; expected http or https without a name and password`,
  )
}

function readJson(text: string, page: string): ListedFile[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TransientError(`${page} did not answer with JSON`, null, { cause })
  }
  const { data } = pageSchema.safeParse(value)
  if (!data) throw new GrpoError(`${page} is no page of a package index; check --index or PIP_INDEX_URL`)
  return data.files.map(({ filename, url, hashes }) => ({ name: filename, url, sha256: hashes.sha256 ?? null }))
}

/** `<a href="../../packages/NAME.whl#sha256=…">NAME.whl</a>`. */
function readHtml(text: string): ListedFile[] {
  return [...text.matchAll(/<a\s[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)].map(([, double, single]) => {
    const [url = '', fragment = ''] = unescapeHtml(double ?? single ?? '').split('#')
    const name = url.split('?')[0]!.split('/').at(-1)!
    return { name: decode(name), url, sha256: /(?:^|&)sha256=([0-9a-f]{64})/.exec(fragment)?.[1] ?? null }
  })
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function unescapeHtml(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|amp);/gi, (_, decimal?: string, hex?: string) =>
    decimal !== undefined
      ? String.fromCodePoint(Number(decimal))
      : hex !== undefined
        ? String.fromCodePoint(parseInt(hex, 16))
        : '&',
  )
}

function refusal(index: string, { status, headers }: Response, hasPassword: boolean): Error {
  if (status === 408 || status === 429 || status >= 500) {
    return new TransientError(`${index} answered ${status}`, retryAfter(headers))
  }
  if (status === 401 || status === 403) {
    const how = hasPassword
      ? 'it does not accept the name and password of the address'
      : 'it wants a name and password, https://NAME:PASSWORD@…'
    return new GrpoError(`${index} answered ${status}: ${how}`)
  }
  return new GrpoError(
    `${index} answered ${status}${status === 404 ? ': it does not have this package' : ''}; take another index by --index, or a folder of files by --wheels`,
  )
}

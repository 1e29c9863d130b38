import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { HubError } from '../../src/errors.js'
import { downloadModel } from '../../src/hub/modelFiles.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const commit = 'a'.repeat(40)
const token = 'hf_secret'

describe('a server that is not the Hub', () => {
  const inFolder = useTemporaryFolder()
  let server: http.Server
  let endpoint = ''
  let answer: http.RequestListener = () => undefined

  before((done) => {
    server = http.createServer((request, response) => {
      answer(request, response)
    })
    server.listen(0, '127.0.0.1', () => {
      endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      done()
    })
  })
  after((done) => {
    server.closeAllConnections()
    server.close(done)
  })

  /** The error of a download from it; its message holds neither the token nor characters that steer a terminal. */
  async function refusal(): Promise<string> {
    const network = { retries: 1, backoffMilliseconds: 1 }
    const options = { endpoint, token, cacheFolder: inFolder('cache'), network, onWarning: () => undefined }
    const error: unknown = await downloadModel('owner/name', options).then(
      () => null,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof HubError, String(error))
    assert.ok(!JSON.stringify([error.message, Object.entries(error)]).includes(token), error.message)
    assert.doesNotMatch(error.message, /\p{Cc}/u)
    return error.message
  }

  function json(response: http.ServerResponse, value: unknown, headers: http.OutgoingHttpHeaders = {}): void {
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value))
  }

  it('has no end of pages', async () => {
    answer = ({ url = '' }, response) => {
      if (url.includes('/revision/')) json(response, { sha: commit })
      else json(response, [], { Link: `<${endpoint}${url}>; rel="next"` })
    }
    assert.match(await refusal(), /there are more than 1000 pages/)
  })

  it('answers without end', async () => {
    answer = (_request, response) => {
      const piece = Buffer.alloc(1024 * 1024, ' ')
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    assert.match(await refusal(), /answers with more than 67108864 bytes/)
  })

  it('redirects to an address with a password, or to none', async () => {
    for (const location of ['http://user:password@127.0.0.1/x', 'http://[broken']) {
      answer = (_request, response) => {
        response.writeHead(302, { Location: location }).end()
      }
      const message = await refusal()
      assert.match(message, /redirects to (an address with a user name|something that is no address)/)
      assert.ok(!message.includes('password'))
    }
  })

  it('sends the token back, in its headers and its body', async () => {
    answer = ({ headers }, response) => {
      const echo = headers.authorization ?? ''
      response.writeHead(404, { 'X-Request-Id': token, 'X-Error-Message': echo, 'X-Error-Code': echo }).end(echo)
    }
    assert.match(await refusal(), /does not exist/)
    answer = ({ headers }, response) => {
      response.writeHead(200).end(headers.authorization)
    }
    assert.match(await refusal(), /did not answer with JSON/)
  })

  it('names files with control characters', async () => {
    for (const name of ['config\u001b[2J.json', 'a\nb.json', 'x\u202ecod.exe']) {
      answer = ({ url = '' }, response) => {
        if (url.includes('/revision/')) json(response, { sha: commit })
        else json(response, [{ type: 'file', path: name, size: 1, oid: 'b'.repeat(40) }])
      }
      assert.match(await refusal(), /whose name is not safe to write/)
    }
  })
})

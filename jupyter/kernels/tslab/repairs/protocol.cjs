// The Jupyter messages that tslab leaves out or gets wrong:
//  - errors arrive as Jupyter errors (name, message, traceback) and cells get their numbers under nbconvert;
//  - the front end shows "busy" as long as a cell runs, also when a completion is answered meanwhile or other cells wait;
//  - --allow-errors works: tslab aborts all requests of the 200 ms after an error;
//  - history and comm requests get an answer, and the kernel says which TypeScript it is;
//  - the kernel ends when asked although worker threads live.
const { StreamBuffer } = require('./streamBuffer.cjs')

/** @returns a message of the given type that answers `message` */
function replyTo(message, type, content) {
  const reply = message.createReply()
  reply.header.msg_type = type
  reply.content = content
  return reply
}

/**
 * @param {NodeJS.Require} tslab `require` of tslab's files
 * @param typescript the TypeScript compiler
 * @param {{ failure: object | null }} executor what the last cell failed with
 */
exports.repairProtocol = function (tslab, typescript, executor) {
  const { ZmqServer, JupyterHandlerImpl } = tslab('./jupyter.js')
  const { handleExecuteImpl, handleKernel } = JupyterHandlerImpl.prototype
  const { publishStatus, close } = ZmqServer.prototype
  const stream = new StreamBuffer()
  let running = null // the execute_request whose cell runs

  // A cell starts when its turn comes, not when its request arrives: only here is its number known.
  JupyterHandlerImpl.prototype.handleExecuteImpl = function (request, ...rest) {
    request.started?.(this.execCount + 1)
    return handleExecuteImpl.call(this, request, ...rest)
  }

  ZmqServer.prototype.handleExecute = async function (socket, message) {
    const publish = (type, content) => replyTo(message, type, content).signAndSend(this.connInfo.key, this.iopub)
    const started = (executionCount) => {
      stream.flush()
      running = message
      publishStatus.call(this, 'busy', message)
      publish('execute_input', { code: message.content.code, execution_count: executionCount })
    }
    const content = await this.handler.handleExecute(
      { ...message.content, started },
      (name, text) => stream.print(publish, name, text),
      (data, isUpdate) => {
        stream.flush()
        publish(isUpdate ? 'update_display_data' : 'display_data', data)
      },
    )
    stream.flush()
    if (content.status === 'error' && message.content.stop_on_error === false) this.handler.execQueue.reset()
    if (content.status === 'abort') content.status = 'aborted' // the protocol's word
    if (content.status === 'error' && executor.failure) {
      Object.assign(content, executor.failure)
      publish('error', executor.failure)
    }
    replyTo(message, 'execute_reply', content).signAndSend(this.connInfo.key, socket)
  }

  ZmqServer.prototype.publishStatus = function (state, message) {
    const type = message.header.msg_type
    if (type === 'execute_request' && state === 'busy') return // sent by `started`
    if (message === running) running = null
    publishStatus.call(this, state, message)
    if (running && state === 'idle') publishStatus.call(this, 'busy', running) // another request ended, the cell did not
    if (type === 'history_request' && state === 'busy') {
      replyTo(message, 'history_reply', { status: 'ok', history: [] }).signAndSend(this.connInfo.key, this.shell)
    }
  }

  ZmqServer.prototype.handleCommInfoRequest = function (socket, message) {
    replyTo(message, 'comm_info_reply', { status: 'ok', comms: {} }).signAndSend(this.connInfo.key, socket)
  }

  // tslab's warning about messages that it does not know would land in the cell that ran last.
  const { warn } = console
  console.warn = (...args) => {
    if (!/^unknown msg_type: (history_request|comm_\w+)$/.test(args[0])) warn(...args)
  }

  // tslab says 3.7.2, which JupyterLab then writes into the notebook at every save.
  JupyterHandlerImpl.prototype.handleKernel = function () {
    const info = handleKernel.call(this)
    const repaired = { version: typescript.version, pygments_lexer: 'typescript', nbconvert_exporter: 'script' }
    return {
      status: 'ok',
      ...info,
      language_info: this.isJs ? info.language_info : { ...info.language_info, ...repaired },
    }
  }

  ZmqServer.prototype.close = function () {
    close.call(this)
    setTimeout(() => process.exit(0), 300) // ms for the last messages to leave
  }
}

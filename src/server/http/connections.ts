import type { Socket } from 'node:net'

/** Requests of one connection that are not answered yet, beyond which it is ended: no client of ours sends the next one early. */
const MAX_PIPELINED = 32

/** The connections of a service, and what they wait for. */
export class Connections {
  readonly #open = new Map<Socket, Set<() => void>>()

  /** A connection that is made. */
  add(socket: Socket): void {
    const requests = new Set<() => void>()
    this.#open.set(socket, requests)
    socket.once('close', () => {
      this.#open.delete(socket)
      // Answers that wait for earlier ones of the same connection are not told.
      for (const onClose of requests) onClose()
    })
  }

  /**
   * A request that begins. `onClose` is called when its connection ends before the function that is returned is called. Null for
   * one too many, whose connection is ended.
   */
  begin(socket: Socket, onClose: () => void): (() => void) | null {
    const requests = this.#open.get(socket)
    if (!requests || requests.size >= MAX_PIPELINED) {
      socket.destroy()
      return null
    }
    requests.add(onClose)
    return () => requests.delete(onClose)
  }

  /** Ends the connections that wait for no answer. */
  closeIdle(): void {
    for (const [socket, requests] of this.#open) if (requests.size === 0) socket.destroy()
  }
}

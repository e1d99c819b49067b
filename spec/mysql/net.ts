// net.ts: a net between a handle and its server that can be told to lose things: a reply, a request, every connection,
// or all that is sent from now on, as when a host vanishes. It also keeps the statements that it saw.

import { type AddressInfo, createServer, type Server, type Socket, connect as tcp } from 'node:net'

/** What becomes of the next request that has these words in it. */
export type Loss = 'request' | 'reply'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  doomed: boolean
}

export class Net {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  readonly #statements: string[] = []
  #losing: { readonly what: Loss; readonly words: string; readonly done: () => void } | undefined
  #frozen = false

  /** To the server at that port. */
  static async start(port: number): Promise<Net> {
    const server = createServer({ allowHalfOpen: false })
    const net = new Net(server, port)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return net
  }

  private constructor(server: Server, port: number) {
    this.#server = server
    server.on('connection', (client) => this.#join(client, tcp(port, '127.0.0.1')))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** What was asked since the last look, statement by statement. */
  get statements(): string[] {
    const all = this.#statements.splice(0).flatMap((text) => text.split(';'))
    return all.map((text) => text.replaceAll(/\s+/g, ' ').trim())
  }

  /** Loses the next request that has those words, or the reply to it, and the connection; resolves once it has. */
  lose(what: Loss, words = 'COMMIT'): Promise<void> {
    return new Promise((done) => {
      this.#losing = { what, words, done }
    })
  }

  /** Cuts every connection. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
  }

  /** From now on nothing comes through, and nobody is told; new connections neither. */
  freeze(): void {
    this.#frozen = true
  }

  /** Goes on, with new connections. */
  thaw(): void {
    this.#frozen = false
    this.cut()
  }

  stop(): void {
    this.cut()
    this.#server.close()
  }

  #join(client: Socket, server: Socket): void {
    const pair: Pair = { client, server, doomed: false }
    this.#pairs.add(pair)
    client.on('data', (bytes) => this.#ask(pair, bytes))
    server.on('data', (bytes) => this.#answer(pair, bytes))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => {
        this.#pairs.delete(pair)
        if (!this.#frozen) other.destroy()
      })
    }
  }

  #ask(pair: Pair, bytes: Buffer): void {
    if (this.#frozen) return
    const text = bytes.toString('latin1')
    this.#statements.push(text.slice(5))
    if (this.#losing !== undefined && text.includes(this.#losing.words)) {
      const { what, done } = this.#losing
      this.#losing = undefined
      pair.doomed = true
      done()
      if (what === 'request') {
        pair.client.destroy()
        pair.server.destroy()
        return
      }
    }
    pair.server.write(bytes)
  }

  #answer(pair: Pair, bytes: Buffer): void {
    if (this.#frozen) return
    if (!pair.doomed) pair.client.write(bytes)
    else {
      pair.client.destroy()
      pair.server.destroy()
    }
  }
}

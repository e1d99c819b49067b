// server.ts: the other end, as bad as a server can be while still telling the truth: what it has answered with 204, it
// has, in its file. A batch that it took without answering comes again; it knows its readings by their numbers and keeps
// each once.

import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen, shut } from '../local.ts'
import { generator } from '../random.ts'
import type { Reading } from './reading.ts'

export interface ServerOptions {
  readonly seed: number
  /** Where its readings are. */
  readonly file: string
}

export class Server {
  /** The readings by number, the first at 0. */
  readonly lines: string[]
  /** Readings that came again. */
  repeated = 0
  /** Readings that came before an earlier one had: must stay 0. */
  early = 0
  /** Requests that did not end well. */
  failed = 0
  /** Times that the network went away. */
  outages = 0
  online = true
  readonly seed: number
  url = ''
  readonly #file: string
  readonly #http: HttpServer
  readonly #random: () => number
  #weather: NodeJS.Timeout | undefined
  /** Called when a batch has been taken and nobody has been told yet. */
  taken: () => void = () => {}
  /** Called when the network goes or comes. */
  turned: () => void = () => {}

  private constructor({ seed, file }: ServerOptions) {
    this.seed = seed
    this.#file = file
    this.lines = existsSync(file) ? linesIn(file) : []
    this.#random = generator(seed)
    this.#http = createServer((request, response) => void this.#answer(request, response))
    this.#http.on('connection', (socket) => {
      if (this.online) return
      this.failed++
      socket.destroy()
    })
  }

  static async start(options: ServerOptions): Promise<Server> {
    const server = new Server(options)
    const { url } = await listen(server.#http)
    server.url = url
    server.#changeWeather()
    return server
  }

  async stop(): Promise<void> {
    clearTimeout(this.#weather)
    await shut(this.#http)
  }

  /** The network is there for a while, and away for a while. */
  #changeWeather(): void {
    const stays = this.online ? 500 + 900 * this.#random() : 200 + 700 * this.#random()
    this.#weather = setTimeout(() => {
      this.online = !this.online
      if (!this.online) {
        this.outages++
        this.#http.closeAllConnections()
      }
      this.turned()
      this.#changeWeather()
    }, stays)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#serve(request, response)
    } catch {
      this.failed++ // it was cut off in the middle of its request
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const batch: readonly Reading[] = JSON.parse(await text(request))
    await sleep(5 + 15 * this.#random())
    const luck = this.#random()
    if (luck < 0.2) {
      this.failed++
      response.writeHead(503).end()
      return
    }
    const known = this.lines.length
    for (const reading of batch) this.#take(reading)
    appendFileSync(
      this.#file,
      this.lines
        .slice(known)
        .map((line) => `${line}\n`)
        .join(''),
    )
    this.taken()
    const forgets = luck < 0.3
    if (forgets || response.destroyed) this.failed++
    if (forgets) response.destroy()
    else response.writeHead(204).end()
  }

  #take({ number, line }: Reading): void {
    if (number <= this.lines.length) this.repeated++
    else if (number > this.lines.length + 1) this.early++
    else this.lines.push(line)
  }
}

/** Where it was killed while it wrote, the last line is cut off, and comes again. */
function linesIn(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const end = text.lastIndexOf('\n') + 1
  truncateSync(file, Buffer.byteLength(text.slice(0, end)))
  return text.slice(0, end).split('\n').slice(0, -1)
}

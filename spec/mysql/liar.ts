// liar.ts: a server that speaks as much of MySQL's protocol as a lie needs, and keeps what it hears. A script says what it
// answers: to the login, and to each packet behind that.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { PASSWORD, USER } from './server.ts'

const FLAGS = { longPassword: 1, database: 8, localFiles: 0x80, protocol41: 0x200, ssl: 0x800, secure: 0x8000 }
const MORE = { multiStatements: 0x10000, multiResults: 0x20000, plugins: 0x80000 }
const ALL = [...Object.values(FLAGS), ...Object.values(MORE)].reduce((sum, flag) => sum | flag, 0)
export const LOCAL_FILES = FLAGS.localFiles

/** What it sends when it has heard so many packets: bodies of packets; undefined ends the connection. */
export type Script = (heard: number) => readonly Uint8Array[] | undefined

export interface Lies {
  readonly script: Script
  readonly ssl?: boolean
  /** Sent with its greeting. */
  readonly beside?: readonly Uint8Array[]
  /** In place of its greeting, and the end. */
  readonly greeting?: Uint8Array
  /** Ends the connection behind the answer to so many packets. */
  readonly last?: number
}

export class Liar {
  /** Everything that was sent to it. */
  heard = Buffer.alloc(0)
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(lies: Lies): Promise<Liar> {
    const server = createServer()
    const liar = new Liar(server, lies)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return liar
  }

  private constructor(server: Server, lies: Lies) {
    this.#server = server
    server.on('connection', (socket) => this.#join(socket, lies))
  }

  url(more = 'connections=1'): string {
    const { port } = this.#server.address() as AddressInfo
    return `mysql://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/d?${more}`
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #join(socket: Socket, { script, ssl = false, beside = [], greeting, last = Infinity }: Lies): void {
    let packets = 0
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.write(Buffer.concat([greeting ?? greetingOf(ssl), ...beside].map((body, i) => packet(i, body))))
    if (greeting !== undefined) socket.end()
    socket.on('data', (bytes: Buffer) => {
      this.heard = Buffer.concat([this.heard, bytes])
      // Each packet of these is one chunk.
      const answer = script(packets)
      packets += 1
      const next = (bytes[3] ?? 0) + 1
      if (answer !== undefined) socket.write(Buffer.concat(answer.map((body, i) => packet(next + i, body))))
      if (answer === undefined || packets > last) socket.end()
    })
  }
}

export const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0])

export function switchTo(plugin: string): Uint8Array {
  return Buffer.concat([Buffer.from(`\xfe${plugin}\0`, 'latin1'), Buffer.alloc(20, 7), Buffer.alloc(1)])
}

export function more(body: string | number): Uint8Array {
  return Buffer.concat([Buffer.from([1]), typeof body === 'number' ? Buffer.from([body]) : Buffer.from(body)])
}

function greetingOf(ssl: boolean): Buffer {
  const flags = ssl ? ALL : ALL & ~FLAGS.ssl
  const body = Buffer.alloc(31)
  body.writeUInt32LE(77, 0)
  body.fill(7, 4, 12)
  body.writeUInt16LE(flags & 0xffff, 13)
  body.writeUInt8(45, 15)
  body.writeUInt16LE(2, 16)
  body.writeUInt16LE(flags >>> 16, 18)
  body.writeUInt8(21, 20)
  const plugin = Buffer.from(`${'\x07'.repeat(12)}\0mysql_native_password\0`)
  return Buffer.concat([Buffer.from('\x0a10.11.0-MariaDB\0'), body, plugin])
}

function packet(sequence: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(body.length, 0, 3)
  head.writeUInt8(sequence & 255, 3)
  return Buffer.concat([head, body])
}

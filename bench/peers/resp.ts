// resp.ts: as much of Redis' protocol as a list needs: commands as arrays of bulk strings, replies in the order of the
// commands. What one turn of the event loop asks goes out in one write.

import { connect, type Socket } from 'node:net'

export type Reply = string | number | Buffer | null | Reply[]

const CRLF = '\r\n'

export class Client {
  readonly #socket: Socket
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = []
  #unread: Buffer = Buffer.alloc(0)
  #answered = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => this.#take(bytes))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('Redis has closed the connection')))
  }

  static connect(path: string): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new Client(socket)))
      socket.once('error', reject)
    })
  }

  ask(...words: readonly (string | Buffer)[]): Promise<Reply> {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork()
      process.nextTick(() => this.#socket.uncork())
    }
    this.#socket.write(encoded(words))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    let at = 0
    for (let read = replyAt(this.#unread, 0); read !== undefined; read = replyAt(this.#unread, at)) {
      at = read.end
      const waiting = this.#waiting[this.#answered++]
      if (read.failed) waiting?.reject(new Error(String(read.reply)))
      else waiting?.resolve(read.reply)
    }
    this.#unread = this.#unread.subarray(at)
    this.#waiting.splice(0, this.#answered)
    this.#answered = 0
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}

function encoded(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}${CRLF}`)]
  for (const word of words) {
    parts.push(Buffer.from(`$${Buffer.byteLength(word)}${CRLF}`), Buffer.from(word), Buffer.from(CRLF))
  }
  return Buffer.concat(parts)
}

interface Read {
  readonly reply: Reply
  readonly end: number
  readonly failed?: boolean
}

/** The reply that begins there; undefined where it is not all there yet. */
function replyAt(bytes: Buffer, at: number): Read | undefined {
  const lineEnd = bytes.indexOf(CRLF, at)
  if (lineEnd < 0) return undefined
  const line = bytes.toString('latin1', at + 1, lineEnd)
  const end = lineEnd + 2
  const kind = String.fromCharCode(bytes[at] ?? 0)
  if (kind === '$') return bulkAt(bytes, end, Number(line))
  if (kind === '*') return listAt(bytes, end, Number(line))
  return { reply: kind === ':' ? Number(line) : line, end, failed: kind === '-' }
}

function bulkAt(bytes: Buffer, at: number, length: number): Read | undefined {
  if (length < 0) return { reply: null, end: at }
  if (bytes.length < at + length + 2) return undefined
  return { reply: bytes.subarray(at, at + length), end: at + length + 2 }
}

function listAt(bytes: Buffer, at: number, count: number): Read | undefined {
  const replies: Reply[] = []
  let end = at
  for (let i = 0; i < count; i++) {
    const read = replyAt(bytes, end)
    if (read === undefined) return undefined
    replies.push(read.reply)
    end = read.end
  }
  return { reply: replies, end }
}

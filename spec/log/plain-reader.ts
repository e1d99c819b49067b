// plain-reader.ts: a reader of queues, written from docs/format.md alone: it shares nothing with lib. It reads a queue
// that nobody has open and that closed well.

import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'

export interface PlainDocument {
  readonly firstId: number
  readonly count: number
  readonly bytes: Buffer
}

export interface PlainFrame {
  /** Where it stands in its segment. */
  readonly offset: number
  readonly next: number
  readonly documents: readonly PlainDocument[]
}

/** Every document that holds an item still to be delivered, and which of its ids those are. */
export function readQueue(folder: string): { codec: string; ready: { document: PlainDocument; ids: number[] }[] } {
  const { format, codec } = JSON.parse(fs.readFileSync(path.join(folder, 'queue.json'), 'utf8'))
  if (format !== 1) throw new Error(`format ${format}`)
  const [one, other] = [0, 1].map((which) => cursorOf(fs.readFileSync(path.join(folder, `cursor.${which}`))))
  const cursor = (one?.generation ?? 0) > (other?.generation ?? 0) ? one : other
  const names = fs.readdirSync(folder).filter((name) => /^\d{20}\.\d+\.log$/.test(name))
  const ready = names.sort().flatMap((name) => {
    const documents = framesOf(fs.readFileSync(path.join(folder, name)), Number(name.slice(0, 20)))
    return documents.flatMap((frame) => frame.documents.map((document) => ({ document, ids: idsOf(document) })))
  })
  const isReady = (id: number) => !cursor?.settled(id)
  const left = ready.map(({ document, ids }) => ({ document, ids: ids.filter(isReady) }))
  return { codec, ready: left.filter(({ ids }) => ids.length > 0) }
}

function idsOf({ firstId, count }: PlainDocument): number[] {
  return Array.from({ length: count }, (_, i) => firstId + i)
}

/** The frames of a segment. */
export function framesOf(bytes: Buffer, base: number): PlainFrame[] {
  const frames: PlainFrame[] = []
  const end = Number(bytes.readBigUInt64LE(1024)) || bytes.length
  for (let at = 1056; at < end; ) {
    const next = at + 56 + bytes.readUInt32LE(at + 12)
    const body = bytes.subarray(at + 56, next)
    if (crc32(bytes.subarray(at + 8, at + 56)) !== bytes.readUInt32LE(at + 4)) throw new Error(`header at ${at}`)
    if (crc32(body) !== bytes.readUInt32LE(at + 8)) throw new Error(`body at ${at}`)
    const isSparse = (bytes.readUInt32LE(at + 20) & 1) === 1
    frames.push({ offset: at, next, documents: documentsOf(body, base + bytes.readUInt32LE(at + 24), isSparse) })
    at = next
  }
  return frames
}

function documentsOf(body: Buffer, first: number, isSparse: boolean): PlainDocument[] {
  const numbers = new Numbers(body)
  const documents: PlainDocument[] = []
  for (let id = first; numbers.at < body.length; ) {
    const firstId = id + (isSparse ? numbers.next() : 0)
    const count = numbers.next()
    const bytes = numbers.bytes(numbers.next())
    documents.push({ firstId, count, bytes })
    id = firstId + count
  }
  return documents
}

interface PlainCursor {
  readonly generation: number
  /** Delivered, failed, or lost. */
  settled(id: number): boolean
}

function cursorOf(bytes: Buffer): PlainCursor | undefined {
  const header = [0, 512].find((at) => crc32(bytes.subarray(at, at + 60)) === bytes.readUInt32LE(at + 60))
  if (header === undefined || bytes.readUInt32LE(header) !== 0x63717073) return undefined
  const generation = Number(bytes.readBigUInt64LE(header + 8))
  const snapshot = bytes.subarray(1024, 1024 + bytes.readUInt32LE(header + 28))
  if (crc32(snapshot) !== bytes.readUInt32LE(header + 32)) return undefined
  const { head, gone } = snapshotOf(new Numbers(snapshot))
  let seed = generation >>> 0
  for (let at = Math.ceil((1024 + snapshot.length) / 32) * 32; at < bytes.length; ) {
    const [kind = 0, slots = 0] = bytes.subarray(at)
    const crcAt = at + 32 * slots - 4
    if (slots === 0 || crcAt + 4 > bytes.length) break
    const crc = crc32(bytes.subarray(at, crcAt), (seed ^ bytes.readUInt32LE(header + 16)) >>> 0)
    if (crc !== bytes.readUInt32LE(crcAt)) break
    follow(kind, new Numbers(bytes.subarray(at + 2, crcAt)), gone)
    seed = crc
    at = crcAt + 4
  }
  return { generation, settled: (id) => gone.get(id) ?? id < head }
}

function snapshotOf(numbers: Numbers): { head: number; gone: Map<number, boolean> } {
  const head = numbers.next()
  numbers.skip(5)
  numbers.skip(2 * numbers.next())
  numbers.skip(4 * numbers.next())
  const gone = new Map<number, boolean>()
  let at = head
  for (let runs = numbers.next(); runs > 0; runs--) {
    const from = at + numbers.next()
    at = from + numbers.next() + 1
    const state = numbers.next()
    numbers.skip([0, 3, 2][state] ?? 0)
    for (let id = from; id < at; id++) gone.set(id, state === 0)
  }
  return { head, gone }
}

/** Which numbers a record has before its ids, for those that settle: settled, failed, gone; and for restored. */
const FIELDS = new Map([
  [2, 0],
  [4, 3],
  [5, 1],
  [12, 0],
])

function follow(kind: number, numbers: Numbers, gone: Map<number, boolean>): void {
  const fields = FIELDS.get(kind)
  if (fields === undefined) return
  numbers.skip(fields)
  let at = 0
  for (let ranges = numbers.next(); ranges > 0; ranges--) {
    const from = at + numbers.next()
    at = from + numbers.next()
    for (let id = from; id <= at; id++) gone.set(id, kind !== 12)
  }
}

/** Varints, one behind the other. */
class Numbers {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  skip(count: number): void {
    for (let i = 0; i < count; i++) this.next()
  }

  bytes(length: number): Buffer {
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }
}

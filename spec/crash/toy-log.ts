// toy-log.ts: the smallest log that keeps the promises, for the specs of the specs: if a state is impossible, it fails
// where it is right; if one is missing, a planted bug goes unseen. Not for more than a few dozen items.
//
//      /q/7.log    batches (toy-frame.ts), their checksums seeded with the segment's number
//      /q/head     crc, the lowest id that is still there, the highest ever given; replaced by renaming head.tmp

import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../../lib/disk/disk.ts'
import type { Counts, Document, Piece, StoreStats } from '../../lib/store.ts'
import { decode, encode, type Frame, HEADER } from './toy-frame.ts'
import type { Tried } from './trial.ts'

/** One line each that a tired programmer might forget or get wrong. */
export const BUGS = [
  'no sync of the frame',
  'no sync of the folder',
  'no sync of the parent folder',
  'rename without sync',
  'no sync after rename',
  'overwrites the head in place',
  'unlinks a segment too soon',
  'writes a batch in pieces',
  'no checksum',
  'segment not in the checksum',
  'goes on behind a torn tail',
  'leaves its temporary file',
  'retries a failed sync',
] as const
export type Bug = (typeof BUGS)[number]

const SEGMENT_BYTES = 300
const FOLDER = '/q'

export class ToyLog implements Tried {
  readonly #disk: Disk
  readonly #bugs: ReadonlySet<Bug>
  #frames: Frame[] = []
  /** Segments by number, with the last id that each holds. */
  readonly #segments = new Map<number, number>()
  #tail: DiskFile | undefined
  #number = 0
  #end = 0
  #head = 1
  #nextId = 1

  static async open(disk: Disk, bugs: readonly Bug[] = []): Promise<ToyLog> {
    const log = new ToyLog(disk, new Set(bugs))
    disk.makeFolder(FOLDER)
    if (!log.#has('no sync of the parent folder')) await disk.syncFolder('/')
    await log.#recover(disk.list(FOLDER))
    return log
  }

  private constructor(disk: Disk, bugs: ReadonlySet<Bug>) {
    this.#disk = disk
    this.#bugs = bugs
  }

  async append(documents: readonly Document[]): Promise<number> {
    const tail = await this.#roll()
    const firstId = this.#nextId
    let id = firstId
    const frames = documents.map(({ bytes, count }) => {
      id += count
      return { firstId: id - count, count, bytes }
    })
    this.#nextId = id
    for (const batch of this.#has('writes a batch in pieces') ? frames.map((frame) => [frame]) : [frames]) {
      const bytes = encode(batch, this.#seed)
      tail.write(bytes, this.#end)
      this.#end += bytes.length
    }
    await this.#sync(tail)
    this.#segments.set(this.#number, id - 1)
    this.#frames.push(...frames)
    return firstId
  }

  async peek(n: number): Promise<Piece[]> {
    const pieces: Piece[] = []
    let left = n
    for (const { firstId, count, bytes } of this.#frames) {
      const skip = Math.max(0, this.#head - firstId)
      const taken = Math.min(left, count - skip)
      if (taken <= 0) continue
      left -= taken
      pieces.push({
        firstId: firstId + skip,
        count: taken,
        document: { bytes, count },
        skip,
        attempt: 0,
        enqueuedAt: 0,
      })
    }
    return pieces
  }

  async pop(n: number): Promise<Piece[]> {
    const pieces = await this.peek(n)
    const last = pieces.at(-1)
    if (!last) return []
    this.#head = last.firstId + last.count
    await this.#writeHead()
    this.#unlinkSettled()
    return pieces
  }

  async counts(): Promise<Counts> {
    const ready = (await this.peek(Number.POSITIVE_INFINITY)).reduce((sum, { count }) => sum + count, 0)
    return { ready, delayed: 0, inFlight: 0, failed: 0, acked: 0 }
  }

  async stats(): Promise<StoreStats> {
    const counts = await this.counts()
    return {
      ...counts,
      bytes: 0,
      fileBytes: 0,
      deadBytes: 0,
      segments: this.#segments.size,
      nextId: this.#nextId,
      lost: 0,
    }
  }

  async close(): Promise<void> {
    this.#tail?.close()
  }

  #has(bug: Bug): boolean {
    return this.#bugs.has(bug)
  }

  async #sync(file: DiskFile): Promise<void> {
    if (this.#has('no sync of the frame')) return
    try {
      await file.sync()
    } catch (error) {
      if (this.#has('retries a failed sync')) return file.sync()
      // What was written is unknown for ever: nothing may stand behind it.
      this.#tail = undefined
      file.close()
      throw error
    }
  }

  get #seed(): number {
    return this.#has('segment not in the checksum') ? 0 : this.#number
  }

  /** The segment to append to; a new one where there is none yet, or where it is full. */
  async #roll(): Promise<DiskFile> {
    if (this.#tail && this.#end < SEGMENT_BYTES) return this.#tail
    this.#tail?.close()
    this.#tail = this.#disk.open(`${FOLDER}/${++this.#number}.log`, 'create')
    this.#segments.set(this.#number, 0)
    this.#end = 0
    if (!this.#has('no sync of the folder')) await this.#disk.syncFolder(FOLDER)
    return this.#tail
  }

  async #writeHead(): Promise<void> {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt32LE(this.#head, 4)
    bytes.writeUInt32LE(this.#nextId, 8)
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
    const inPlace = this.#has('overwrites the head in place')
    const path = inPlace ? `${FOLDER}/head` : `${FOLDER}/head.tmp`
    const isThere = inPlace && this.#disk.list(FOLDER).includes('head')
    const file = this.#disk.open(path, isThere ? 'write' : 'create')
    file.write(bytes, 0)
    if (!this.#has('rename without sync')) await file.sync()
    file.close()
    if (!inPlace) this.#disk.rename(path, `${FOLDER}/head`)
    if (!this.#has('no sync after rename')) await this.#disk.syncFolder(FOLDER)
  }

  #unlinkSettled(): void {
    const first = this.#head + (this.#has('unlinks a segment too soon') ? 1 : 0)
    for (const [number, lastId] of this.#segments) {
      if (number === this.#number || lastId >= first) continue
      this.#disk.unlink(`${FOLDER}/${number}.log`)
      this.#segments.delete(number)
    }
  }

  async #recover(names: readonly string[]): Promise<void> {
    if (names.includes('head.tmp') && !this.#has('leaves its temporary file')) this.#disk.unlink(`${FOLDER}/head.tmp`)
    if (names.includes('head')) this.#readHead()
    const numbers = names.filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
    for (const number of numbers.sort((a, b) => a - b)) this.#readSegment(number)
    this.#frames = this.#frames.filter(({ firstId, count }) => firstId + count > this.#head)
    if (this.#number === 0 || !this.#has('goes on behind a torn tail')) return
    this.#tail = this.#disk.open(`${FOLDER}/${this.#number}.log`, 'write')
    this.#end = this.#tail.size()
  }

  #readHead(): void {
    const bytes = this.#read('head')
    if (bytes.length < 12 || crc32(bytes.subarray(4, 12)) !== bytes.readUInt32LE(0)) throw new Error('damaged head')
    this.#head = bytes.readUInt32LE(4)
    this.#nextId = bytes.readUInt32LE(8)
  }

  #readSegment(number: number): void {
    this.#number = number
    const bytes = this.#read(`${number}.log`)
    let lastId = 0
    for (let at = 0; this.#isValid(bytes, at); at += HEADER + bytes.readUInt32LE(at + 4)) {
      const frames = decode(bytes, at)
      this.#frames.push(...frames)
      lastId = frames.reduce((id, { count }) => id + count, bytes.readUInt32LE(at + 8) - 1)
    }
    this.#segments.set(number, lastId)
    this.#nextId = Math.max(this.#nextId, lastId + 1)
  }

  #isValid(bytes: Buffer, at: number): boolean {
    if (bytes.length < at + HEADER) return false
    const end = at + HEADER + bytes.readUInt32LE(at + 4)
    if (end > bytes.length || end === at + HEADER) return false
    return this.#has('no checksum') || crc32(bytes.subarray(at + 4, end), this.#seed) === bytes.readUInt32LE(at)
  }

  #read(name: string): Buffer {
    const file = this.#disk.open(`${FOLDER}/${name}`, 'read')
    const bytes = Buffer.alloc(file.size())
    file.read(bytes, 0, bytes.length, 0)
    file.close()
    return bytes
  }
}

// floor.ts: the same by the barest code: no recovery, no other process, no acknowledgement, no limit. What a queue costs
// is told as a multiple of it, because machines are shared and noisy, and an absolute time means little.
//
//   a record   length, crc, the message;   a put is a record, a batch one message in one record
//   a group    a record an item, all of them in one write
//   taking     chunks of 256 KiB, crc, decode, and one write of 24 bytes a call: where reading is

import { closeSync, fdatasync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { Packr, pack, unpack } from 'msgpackr'
import type { Item } from './items.ts'

const HEAD = 8
const CHUNK = 256 << 10
// A thousand items of 1 KiB in a group, and room beside them.
const GROUP = 2 << 20
// Each message holds its own record shapes: one after another they can be read alone.
const batches = new Packr()
const syncInPool = promisify(fdatasync)

export type Syncing = 'never' | 'in the pool' | 'blocking'

export class Floor {
  /** What went through a pipeline without any queue. */
  readonly piped: Item[] = []
  readonly #fd: number
  readonly #cursor: number
  readonly #syncing: Syncing
  readonly #group = Buffer.allocUnsafeSlow(GROUP)
  readonly #place = Buffer.alloc(24)
  #chunk = Buffer.allocUnsafeSlow(CHUNK)
  #filled = 0
  #at = 0
  #end = 0
  #ids = 0
  #gathered = 0
  #written: Promise<void> | undefined
  #read = 0

  constructor(path: string, syncing: Syncing) {
    this.#fd = openSync(path, 'w+')
    this.#cursor = openSync(`${path}.cursor`, 'w+')
    this.#syncing = syncing
  }

  /** So that a later sync has no new block to tell of. */
  fillAhead(bytes: number): void {
    writeSync(this.#fd, Buffer.alloc(bytes), 0, bytes, 0)
    fdatasyncSync(this.#fd)
  }

  sync(): Promise<void> | undefined {
    if (this.#syncing === 'blocking') fdatasyncSync(this.#fd)
    return this.#syncing === 'in the pool' ? syncInPool(this.#fd) : undefined
  }

  one(item: Item): void {
    this.#write(this.#record(pack(item), 0))
  }

  /** One message. */
  batch(items: readonly Item[]): void {
    const message = batches.pack(items)
    const bytes = HEAD + message.length > GROUP ? Buffer.allocUnsafe(HEAD + message.length) : this.#group
    this.#end += writeSync(this.#fd, bytes, 0, put(bytes, message, 0), this.#end)
  }

  /** A record an item, one write. */
  group(items: readonly Item[]): void {
    let length = 0
    for (const item of items) length = this.#record(pack(item), length)
    this.#write(length)
  }

  /** Into the group that goes to the disk once whoever is at work has had its turn: one write, and one sync. */
  gather(item: Item): Promise<number> {
    this.#gathered = this.#record(pack(item), this.#gathered)
    const id = ++this.#ids
    this.#written ??= Promise.resolve().then(() => this.#writeGathered())
    return this.#written.then(() => id)
  }

  async #writeGathered(): Promise<void> {
    const length = this.#gathered
    this.#gathered = 0
    this.#written = undefined
    this.#write(length)
    if (this.#syncing !== 'never') await this.sync()
  }

  #record(message: Buffer, at: number): number {
    return put(this.#group, message, at)
  }

  #write(length: number): void {
    this.#end += writeSync(this.#fd, this.#group, 0, length, this.#end)
  }

  nextOne(): Item {
    return unpack(this.next())
  }

  nextBatch(): Item[] {
    return batches.unpack(this.next())
  }

  /** What is next, whichever of the two it is: a batch begins with one of msgpack's marks of a list. */
  nextAny(): Item[] {
    const message = this.next()
    const mark = message[0] ?? 0
    return mark >> 4 === 9 || mark === 0xdc || mark === 0xdd ? batches.unpack(message) : [unpack(message)]
  }

  /** The next message, checked. */
  next(): Buffer {
    let length = this.#filled - this.#at < HEAD ? 0 : this.#chunk.readUInt32LE(this.#at)
    if (length === 0 || this.#filled - this.#at < HEAD + length) length = this.#refill()
    const message = this.#chunk.subarray(this.#at + HEAD, this.#at + HEAD + length)
    if (crc32(message) !== this.#chunk.readUInt32LE(this.#at + 4)) throw new Error('the floor lost a record')
    this.#at += HEAD + length
    return message
  }

  /** Reads on from the record that is next; its length. */
  #refill(): number {
    this.#read += this.#at
    this.#at = 0
    this.#filled = this.#fill()
    const length = this.#chunk.readUInt32LE(0)
    if (HEAD + length <= this.#filled) return length
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK, HEAD + length))
    this.#filled = this.#fill()
    return length
  }

  #fill(): number {
    return readSync(this.#fd, this.#chunk, 0, Math.min(this.#chunk.length, this.#end - this.#read), this.#read)
  }

  /** Writes down where reading is. */
  moved(): void {
    this.#place.writeDoubleLE(this.#read + this.#at, 0)
    writeSync(this.#cursor, this.#place, 0, 24, 0)
  }

  syncPlace(): Promise<void> {
    return syncInPool(this.#cursor)
  }

  close(): void {
    closeSync(this.#fd)
    closeSync(this.#cursor)
  }
}

/** Writes the record at `at`; where the next one begins. */
function put(bytes: Buffer, message: Buffer, at: number): number {
  bytes.writeUInt32LE(message.length, at)
  bytes.writeUInt32LE(crc32(message), at + 4)
  bytes.set(message, at + HEAD)
  return at + HEAD + message.length
}

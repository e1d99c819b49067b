// floor.ts: the same bytes by the barest code: no recovery, no other process, no acknowledgement. What a queue costs is
// told as a multiple of it, because machines are shared and noisy and an absolute time means little.

import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { pack, unpack } from 'msgpackr'

const HEAD = 8

/** Appends records of packed items, each behind its length and crc, and reads them back in chunks. */
export class Floor<T> {
  readonly #fd: number
  readonly #synced: boolean
  #end = 0
  #read = 0

  constructor(path: string, synced: boolean) {
    this.#fd = openSync(path, 'w+')
    this.#synced = synced
  }

  append(value: T | readonly T[]): void {
    const body = pack(value)
    const bytes = Buffer.allocUnsafe(HEAD + body.length)
    bytes.writeUInt32LE(body.length, 0)
    bytes.writeUInt32LE(crc32(body), 4)
    body.copy(bytes, HEAD)
    this.#end += writeSync(this.#fd, bytes, 0, bytes.length, this.#end)
    if (this.#synced) fdatasyncSync(this.#fd)
  }

  /** The items of the next record. */
  next(): T[] {
    const chunk = Buffer.allocUnsafe(64 << 10)
    const read = readSync(this.#fd, chunk, 0, Math.min(chunk.length, this.#end - this.#read), this.#read)
    const length = chunk.readUInt32LE(0)
    const body = chunk.subarray(HEAD, HEAD + length)
    if (read < HEAD + length || crc32(body) !== chunk.readUInt32LE(4)) throw new Error('the floor lost a record')
    this.#read += HEAD + length
    const value: T | T[] = unpack(body)
    return Array.isArray(value) ? value : [value]
  }

  close(): void {
    closeSync(this.#fd)
  }
}

// aside.ts: a batch too large to be written under a lock becomes a segment of its own.
//
//    aside.7.3   frames written and synced, in no hurry, by nobody's leave
//       └─▶ under append.lock: seal the tail, write the header (it alone gives the ids), rename ─▶ a segment
//
// Death before the rename used no id; after it, it is a segment like any other, and others append behind it.

import type { DiskFile } from '../disk/disk.ts'
import { checkIds } from '../ids.ts'
import type { Document } from '../store.ts'
import { countItems } from './batch.ts'
import { checksumOf } from './bytes.ts'
import {
  bodyBytesOf,
  type Extra,
  encodePreamble,
  FRAME_HEADER_BYTES,
  flagsOf,
  type Slice,
  writeDocuments,
  writeFrameHeader,
} from './frame.ts'
import { asideName } from './layout.ts'
import type { Log } from './log.ts'
import { DATA_START, type SegmentHeader, writeHeader } from './segment.ts'
import type { Segment } from './segment-file.ts'

const NO_BYTES = Buffer.alloc(0)

export class Aside {
  readonly #log: Log
  readonly #path: string
  readonly #file: DiskFile
  readonly #nonce: number
  #end = DATA_START
  #count = 0
  #extra: Extra | undefined

  constructor(log: Log, owner: number, number: number) {
    this.#log = log
    this.#path = `${log.folder}/${asideName(owner, number)}`
    this.#nonce = log.world.random()
    this.#file = log.world.disk.open(this.#path, 'create')
  }

  get count(): number {
    return this.#count
  }

  /** Writes the documents as frames of up to `frameBytes`, and syncs them. */
  async write(documents: readonly (Document | Slice)[], extra?: Extra): Promise<void> {
    this.#extra = extra
    const { frameBytes } = this.#log.world.limits
    let group: (Document | Slice)[] = []
    let bytes = 0
    for (const document of documents) {
      if (bytes > 0 && bytes + document.bytes.length > frameBytes) {
        await this.#frame(group)
        group = []
        bytes = 0
      }
      group.push(document)
      bytes += document.bytes.length
    }
    await this.#frame(group)
    await this.#file.sync()
  }

  async #frame(documents: readonly (Document | Slice)[]): Promise<void> {
    const extra = this.#extra
    const preamble = extra ? encodePreamble(extra) : NO_BYTES
    const start = FRAME_HEADER_BYTES + preamble.length
    const bytes = Buffer.allocUnsafeSlow(start + bodyBytesOf(documents))
    preamble.copy(bytes, FRAME_HEADER_BYTES)
    writeDocuments(bytes, start, documents)
    const count = countItems(documents)
    writeFrameHeader(bytes, 0, {
      bodyCrc: checksumOf(bytes, FRAME_HEADER_BYTES),
      bodyBytes: bytes.length - FRAME_HEADER_BYTES,
      count,
      flags: extra ? flagsOf(extra) : 0,
      relativeId: this.#count,
      nonce: this.#nonce,
      time: this.#log.world.now(),
      syncedTo: this.#log.syncedTo,
    })
    await this.#file.writeAside(bytes, this.#end)
    this.#end += bytes.length
    this.#count += count
  }

  /** Under append.lock: the file becomes the log's tail. */
  join(): Segment {
    const log = this.#log
    log.refresh()
    const base = log.nextId
    checkIds(base, this.#count, log.folder)
    const tail = log.tail
    if (tail && !tail.seal) tail.writeSeal()
    // Frames that say more than their items are read by whoever catches up; others may be stepped over at once.
    const known = this.#extra ? { asideEnd: 0, asideCount: 0 } : { asideEnd: this.#end, asideCount: this.#count }
    const made = { nonce: this.#nonce, ...known }
    const header: SegmentHeader = { ...log.header(base), ...made }
    this.#file.write(writeHeader(header), 0)
    return log.joined(this.#path, this.#file, header)
  }

  /** What was written goes again; nobody has seen it. */
  abandon(): void {
    this.#file.close()
    this.#log.world.disk.unlink(this.#path)
  }
}

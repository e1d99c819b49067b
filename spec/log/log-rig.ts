// log-rig.ts: logs on a recording disk without a cursor, beside a map of all that was put.

import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import type { Disk } from '../../lib/disk/disk.ts'
import type { CursorState } from '../../lib/log/cursor-state.ts'
import type { DocumentReader } from '../../lib/log/document-reader.ts'
import { bodyBytesOf, FRAME_HEADER_BYTES, writeDocuments } from '../../lib/log/frame.ts'
import { defaultLimits } from '../../lib/log/limits.ts'
import { Log } from '../../lib/log/log.ts'
import { rewriteSegment } from '../../lib/log/rewrite.ts'
import type { Document } from '../../lib/store.ts'
import { randomOf } from '../crash/digest.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'

export const FOLDER = '/q'
const LIMITS = { ...defaultLimits, frameBytes: 2048, readBytes: 256, arenaBytes: 512, indexBytes: 200 }

export function documentOf(texts: readonly string[]): Document {
  return { bytes: Buffer.from(texts.join()), count: texts.length }
}

export class LogRig {
  readonly disk = new RecordingDisk()
  readonly texts = new Map<number, string>()
  readonly #random = randomOf(7)
  #rewrites = 0

  constructor() {
    this.disk.makeFolder(FOLDER)
  }

  /** One more process's log, caught up. */
  log(disk: Disk = this.disk.process()): Log {
    const world = { disk, limits: LIMITS, random: () => this.#random(2 ** 32), now: () => 5, dueTime: () => 5 }
    const log = new Log(FOLDER, world, 1 << 20)
    log.refresh()
    return log
  }

  /** One frame of documents with so many items each; returns its first id. */
  put(log: Log, counts: readonly number[], size = 0): number {
    const tail = log.prepare()
    const ids = counts.map((count, index) => {
      const before = counts.slice(0, index).reduce((sum, each) => sum + each, 0)
      return Array.from({ length: count }, (_, item) => tail.nextId + before + item)
    })
    const documents = ids.map((some) => documentOf(some.map((id) => `item ${id}`.padEnd(size, '.'))))
    const bytes = log.windows.reserve(FRAME_HEADER_BYTES + bodyBytesOf(documents))
    writeDocuments(bytes, FRAME_HEADER_BYTES, documents)
    const count = ids.flat().length
    const first = log.write(tail, { bytes, bodyCrc: crc32(bytes.subarray(FRAME_HEADER_BYTES)), count, flags: 0 })
    for (const id of ids.flat()) this.texts.set(id, `item ${id}`.padEnd(size, '.'))
    return first
  }

  /** Rewrites a sealed segment without what is settled, and removes the one that it replaces. */
  async rewrite(log: Log, base: number, state: CursorState): Promise<boolean> {
    const segment = log.segments.find((each) => each.base === base)
    assert.ok(segment && log.open(segment))
    const made = await rewriteSegment(log, segment, state, { owner: 1, number: ++this.#rewrites })
    if (!made?.takePlace()) return false
    log.world.disk.unlink(segment.path)
    log.list()
    return true
  }

  get lastId(): number {
    return Math.max(0, ...this.texts.keys())
  }
}

/** The item's text, or its gap. */
export function textAt(reader: DocumentReader, id: number): string | { readonly from: number; readonly to: number } {
  const found = reader.locate(id)
  if ('at' in found) return { from: found.from, to: found.to }
  const texts = Buffer.from(found.document.bytes).toString().split(',')
  return texts[found.offset + id - found.firstId] ?? assert.fail(`no item ${id} in its document`)
}

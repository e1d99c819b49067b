// small-queue.ts: a small queue that closed well, with everything in it that damage can hit: segments sealed and
// rewritten, a tail, frames of one item and of many, items consumed in and out of order, one failed, both cursor
// files in use. And what it holds, to be compared with what is left after damage.

import type { Disk } from '../../lib/disk/disk.ts'
import { FRAME_HEADER_BYTES, parseFrameHeader, readDocument } from '../../lib/log/frame.ts'
import { defaultLimits, type Limits } from '../../lib/log/limits.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import type { Corruption, Document, Piece, Recovered, StoreOptions } from '../../lib/store.ts'
import type { Content } from '../crash/content.ts'
import { randomOf } from '../crash/digest.ts'
import { FOLDER as NO_FILE } from '../crash/operations.ts'
import { type Mark, Promised } from '../crash/promises.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { SpecClock } from '../crash/spec-clock.ts'

export const FOLDER = '/q'
export const LIMITS: Limits = {
  ...defaultLimits,
  frameBytes: 1024,
  readBytes: 1024,
  arenaBytes: 2048,
  cursorBytes: 1536,
  indexBytes: 512,
  stepItems: 8,
}

/** A frame of the log, and which of its items were still to be delivered. */
export interface FrameAt {
  readonly path: string
  readonly offset: number
  readonly next: number
  readonly ready: readonly number[]
}

export interface SmallQueue {
  readonly content: Content
  readonly paths: readonly string[]
  /** Everything that was ever put, by id. */
  readonly items: ReadonlyMap<number, string>
  /** What is still to be delivered, in order. */
  readonly ready: readonly number[]
  readonly failed: readonly number[]
  /** What it was asked and what it told. */
  readonly promised: Promised
  readonly frames: readonly FrameAt[]
  /** What its folder held at some moments before. */
  readonly older: readonly Content[]
}

export interface Told {
  readonly recovered: Recovered[]
  readonly corruptions: Corruption[]
  readonly failures: Error[]
}

export function newTold(): Told {
  return { recovered: [], corruptions: [], failures: [] }
}

/** Opens the queue on a disk in memory; nothing is flushed by itself. Each opening needs a seed of its own. */
export function openSmall(
  disk: Disk,
  told: Told,
  seed: number,
  options: Partial<StoreOptions> = {},
  limits: Limits = LIMITS,
): Promise<LogStore> {
  const random = randomOf(seed)
  const world = { disk, clock: new SpecClock(), random: () => random(2 ** 32), limits }
  return LogStore.open(FOLDER, { ...storeOptions(told), ...options }, world)
}

function storeOptions(told: Told): StoreOptions {
  return {
    durability: 'disk',
    codec: undefined,
    order: 'fifo',
    flushLimit: Number.POSITIVE_INFINITY,
    segmentSize: 1024,
    onDamage: 'skip',
    autoResume: true,
    events: {
      recovered: (report) => told.recovered.push(report),
      corruption: (report) => told.corruptions.push(report),
      flushed: () => undefined,
      failed: (error) => told.failures.push(error),
    },
  }
}

/** Items as documents of up to `size`. */
export function documentsOf(items: readonly string[], size = 256): Document[] {
  const documents: Document[] = []
  for (let at = 0; at < items.length; at += size) {
    const some = items.slice(at, at + size)
    documents.push({ bytes: Buffer.from(JSON.stringify(some)), count: some.length })
  }
  return documents
}

export function itemsOf(pieces: readonly Piece[]): (readonly [number, string])[] {
  return pieces.flatMap(({ firstId, count, document, skip }) => {
    const items: string[] = JSON.parse(Buffer.from(document.bytes).toString())
    return items.slice(skip, skip + count).map((item, i) => [firstId + i, item] as const)
  })
}

/** Frames of these many items each, in this order, after the first two segments were consumed and rewritten. */
const FRAMES = [1, 12, 1, 2, 20, 1, 1, 5, 9, 1, 3, 14, 1, 6, 1, 1, 8]

/**
 * `'young'`: one cursor file holds all that was ever settled, and a segment in the middle was flushed away.
 * `'killed'`: the same, and its last process was killed with items in flight.
 */
export type Kind = 'rolled' | 'young' | 'killed'

export async function smallQueue(kind: Kind = 'rolled'): Promise<SmallQueue> {
  const disk = new RecordingDisk()
  const making = new Making(disk, kind)
  await making.make()
  const ready = new Set(making.ready)
  const paths = disk.paths().filter((path) => disk.content.names.get(path) !== NO_FILE)
  const frames = paths.flatMap((path) => framesIn(disk, path, ready))
  const { items, failed, older, marks } = making
  const isThere = new Set([...ready, ...failed])
  const ids = [...items.keys()].filter((id) => !isThere.has(id))
  const promised = new Promised([...marks, { what: 'take done', call: -1, ids }], true)
  return { content: disk.content, paths, items, ready: [...ready], failed, promised, frames, older }
}

function framesIn(disk: RecordingDisk, path: string, ready: ReadonlySet<number>): FrameAt[] {
  const base = /^\/q\/(\d{20})\.\d+\.log$/.exec(path)?.[1]
  if (base === undefined) return []
  const bytes = disk.bytesOf(path)
  const frames: FrameAt[] = []
  // Zeros behind them are room for the next.
  for (let offset = DATA_START; offset < bytes.length && bytes[offset] !== 0; ) {
    const header = parseFrameHeader(bytes, offset)
    const next = offset + FRAME_HEADER_BYTES + header.bodyBytes
    const body = bytes.subarray(offset + FRAME_HEADER_BYTES, next)
    const ids = idsIn(body, { ...header, firstId: Number(base) + header.relativeId })
    frames.push({ path, offset, next, ready: ids.filter((id) => ready.has(id)) })
    offset = next
  }
  return frames
}

function idsIn(body: Uint8Array, frame: Parameters<typeof readDocument>[2]): number[] {
  const ids: number[] = []
  let { firstId } = frame
  for (let at = 0; at < body.length; ) {
    const found = readDocument(body, at, { ...frame, firstId })
    if (!found) throw new Error('a document that makes no sense')
    const { placed, next } = found
    for (let i = 0; i < placed.taken; i++) ids.push(placed.firstId + i)
    firstId = placed.firstId + placed.taken
    at = next
  }
  return ids
}

class Making {
  readonly items = new Map<number, string>()
  readonly marks: Mark[] = []
  failed: number[] = []
  readonly older: Content[] = []
  ready: number[] = []
  readonly #disk: RecordingDisk
  readonly #kind: Kind

  constructor(disk: RecordingDisk, kind: Kind) {
    this.#disk = disk
    this.#kind = kind
  }

  async make(): Promise<void> {
    const limits = this.#kind === 'rolled' ? LIMITS : { ...LIMITS, cursorBytes: 2560 }
    const first = await openSmall(this.#disk, newTold(), 1, { codec: 'json' }, limits)
    for (const count of [30, 1, 25]) await this.#put(first, count)
    await this.#settleSome(first, 50, (id) => id % 7 !== 0)
    await first.flush()
    for (const count of FRAMES) {
      this.older.push(this.#disk.content.copy())
      await this.#put(first, count)
    }
    await first.close()
    this.older.push(this.#disk.content.copy())
    const process = this.#disk.process()
    const second = await openSmall(process, newTold(), 2, {}, limits)
    await second.pop(3)
    await this.#settleSome(second, 20, (id) => id % 3 === 0)
    await this.#fail(second)
    this.older.push(this.#disk.content.copy())
    for (let i = 0; i < 3; i++) await second.pop(1)
    if (this.#kind !== 'rolled') await this.#emptyMiddle(second)
    this.ready = itemsOf(await second.peek(1000)).map(([id]) => id)
    if (this.#kind !== 'killed') return second.close()
    await second.lease(4)
    process.kill()
  }

  async #put(store: LogStore, count: number): Promise<void> {
    const firstId = this.items.size + 1
    const items = Array.from({ length: count }, (_, i) => `item ${firstId + i}`)
    this.marks.push({ what: 'put', call: firstId, items }, { what: 'put done', call: firstId, firstId })
    for (const item of items) this.items.set(this.items.size + 1, item)
    await store.append(documentsOf(items, 8))
  }

  /** Takes some, acknowledges those, gives the others back. */
  async #settleSome(store: LogStore, n: number, isDone: (id: number) => boolean): Promise<void> {
    const taken: number[] = []
    while (taken.length < n) taken.push(...itemsOf(await store.lease(n - taken.length)).map(([id]) => id))
    const range = (id: number) => ({ from: id, to: id })
    await store.settle([{ outcome: 'ack', ids: taken.filter(isDone).map(range) }])
    const back = taken.filter((id) => !isDone(id)).map(range)
    await store.settle([{ outcome: 'back', ids: back, counted: true }])
  }

  /** All of the second segment is acknowledged, a few before it are not. */
  async #emptyMiddle(store: LogStore): Promise<void> {
    await this.#settleSome(store, 70, (id) => id > 56)
    await this.#put(store, 3)
    await store.flush()
  }

  async #fail(store: LogStore): Promise<void> {
    const [held] = itemsOf(await store.lease(1))
    if (!held) throw new Error('nothing to fail')
    const [id] = held
    await store.settle([{ outcome: 'fail', ids: [{ from: id, to: id }], reason: 'for the spec' }])
    this.failed = [id]
  }
}

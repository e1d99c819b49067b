// rewrite.ts: a sealed segment once more, without its dead documents. Ids stay, sparse; times too.
//
//    00000000000000007001.0.log ──live documents──▶ aside.7.4 (synced) ──rename──▶ 00000000000000007001.1.log

import { codeOf, type DiskFile } from '../disk/disk.ts'
import { turn, turnDue } from '../wait/turn.ts'
import { checksumOf, putVarint, varintLength } from './bytes.ts'
import type { CursorState } from './cursor-state.ts'
import {
  bodyBytesOf,
  FRAME_HEADER_BYTES,
  type PlacedDocument,
  REPLACES,
  RETRIES,
  readDocument,
  readPreamble,
  SLICED,
  SPARSE,
  writeDocument,
  writeFrameHeader,
} from './frame.ts'
import { type Frame, FrameReader } from './frame-reader.ts'
import { asideName, segmentName } from './layout.ts'
import type { Log } from './log.ts'
import { DATA_START, writeHeader } from './segment.ts'
import type { Segment } from './segment-file.ts'
import { recordsOf } from './unrecorded.ts'

// 256 KiB: 64 hops for a whole segment, and no more than a fraction of a millisecond between two.
const READS_A_WRITE = 4
const MOST_REWRITES = 2 ** 32 - 1

export interface Rewritten {
  readonly bytes: number
  /** Under append.lock: takes the next rewrite count, unless somebody else did. */
  takePlace(): boolean
  /** It did not take its place: it goes. */
  abandon(): void
}

/** Undefined where the segment is damaged (whoever takes its items judges that first), or gone. */
export async function rewriteSegment(
  log: Log,
  segment: Segment,
  state: CursorState,
  aside: { readonly owner: number; readonly number: number },
): Promise<Rewritten | undefined> {
  // A header has 32 bits for it.
  if (segment.rewrite >= MOST_REWRITES) return
  const path = `${log.folder}/${asideName(aside.owner, aside.number)}`
  const file = log.world.disk.open(path, 'create')
  try {
    const copied = await copy(log, segment, state, file)
    // Nothing gained: each dead document is shared with a live item.
    if (!copied || copied.end >= segment.end) {
      file.close()
      log.world.disk.unlink(path)
      return
    }
    file.write(writeHeader(copied.header, { end: copied.end, nextId: segment.nextId }), 0)
    await file.sync()
    file.close()
    const abandon = () => log.world.disk.unlink(path)
    return { bytes: copied.end, takePlace: () => takePlace(log, segment, path), abandon }
  } catch (error) {
    file.close()
    log.world.disk.unlink(path)
    // Another process has replaced or removed the segment meanwhile: nothing is left to be done.
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
}

async function copy(log: Log, segment: Segment, state: CursorState, file: DiskFile) {
  const nonce = log.world.random()
  const frames = new FrameReader(log.world.limits.readBytes)
  const copied = new Copied(file, log.world.limits.readBytes * READS_A_WRITE)
  let items = 0
  for (let at = DATA_START; at < segment.end; ) {
    const frame = frames.read(segment, at, segment.end)
    if (!frame) return
    at = frame.next
    // Where all is dead nothing else is awaited.
    if (turnDue()) await turn()
    const live = liveDocuments(frame, state)
    if (live.length === 0) continue
    // What it replaces is still there: until that is recorded, nothing else says so.
    if (frame.header.flags & (REPLACES | RETRIES) && recordsOf(frame, state).length > 0) return
    await writeSparse(frame, { live, nonce, reserve: (length) => copied.reserve(length) })
    for (const { taken } of live) items += taken
  }
  await copied.write()
  const header = {
    ...segment.header,
    rewrite: segment.rewrite + 1,
    nonce,
    items,
    asideEnd: 0,
    asideCount: 0,
    voids: segment.header.voids,
  }
  return { header, end: copied.end }
}

/** Frames one behind the other, many to a write: each write aside is a hop through the thread pool. */
class Copied {
  /** Where what was written ends. */
  end = DATA_START
  readonly #file: DiskFile
  #bytes: Buffer
  #used = 0

  constructor(file: DiskFile, bytes: number) {
    this.#file = file
    this.#bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** Room for the next frame, which is to be filled before anything else is called. */
  async reserve(length: number): Promise<Buffer> {
    if (this.#used + length > this.#bytes.length) await this.write()
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(length)
    this.#used += length
    return this.#bytes.subarray(this.#used - length, this.#used)
  }

  /** What still waits. */
  async write(): Promise<void> {
    if (this.#used === 0) return
    await this.#file.writeAside(this.#bytes.subarray(0, this.#used), this.end)
    this.end += this.#used
    this.#used = 0
  }
}

function liveDocuments(frame: Frame, state: CursorState): PlacedDocument[] {
  const live: PlacedDocument[] = []
  const { flags, time } = frame.header
  let firstId = frame.firstId
  const end = firstId + frame.header.count
  for (let at = readPreamble(frame.body, flags).end; at < frame.body.length; ) {
    const found = readDocument(frame.body, at, { flags, time, firstId, end })
    if (!found) break
    const { placed, next } = found
    firstId = placed.firstId + placed.taken
    if (state.runs.live(placed.firstId, firstId - 1) > 0) live.push(placed)
    at = next
  }
  return live
}

interface Sparse {
  readonly live: readonly PlacedDocument[]
  readonly nonce: number
  reserve(length: number): Promise<Buffer>
}

/** The frame again, with those of its documents alone. */
async function writeSparse(frame: Frame, { live, nonce, reserve }: Sparse): Promise<void> {
  const skips = live.map(({ firstId }, index) => {
    const before = live[index - 1]
    return firstId - (before ? before.firstId + before.taken : frame.firstId)
  })
  const isSliced = (frame.header.flags & SLICED) !== 0
  const documents = live.map(({ document, offset, taken }) => (isSliced ? { ...document, offset, taken } : document))
  const skipBytes = skips.reduce((sum, skip) => sum + varintLength(skip), 0)
  const bytes = await reserve(FRAME_HEADER_BYTES + skipBytes + bodyBytesOf(documents))
  let at = FRAME_HEADER_BYTES
  documents.forEach((document, index) => {
    at = writeDocument(bytes, putVarint(bytes, at, skips[index] ?? 0), document)
  })
  const body = bytes.subarray(FRAME_HEADER_BYTES)
  // Whatever it replaced or delayed has been recorded long since: its segment is sealed, and the cursor is durable.
  const flags = SPARSE | (frame.header.flags & SLICED)
  writeFrameHeader(bytes, 0, { ...frame.header, flags, nonce, bodyBytes: body.length, bodyCrc: checksumOf(body) })
}

function takePlace(log: Log, segment: Segment, path: string): boolean {
  const present = log.present().current.find(({ base }) => base === segment.base)
  if (present?.rewrite !== segment.rewrite) return false
  const name = segmentName({ base: segment.base, rewrite: segment.rewrite + 1 })
  log.world.disk.rename(path, `${log.folder}/${name}`)
  return true
}

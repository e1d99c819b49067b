// segment-file.ts: a segment as this handle knows it: where its valid frames end, which ids they gave, and how far it
// is durable. Its file is opened when it is first needed.
//
//    named ──open──▶ open ──seal seen or written──▶ sealed        (a named one may also be replaced by a rewrite, or
//                                                                  unlinked by a flush: then opening says ENOENT)

import type { Disk, DiskFile } from '../disk/disk.ts'
import { FormatError } from '../errors.ts'
import { Gate } from '../wait/gate.ts'
import { getU32 } from './bytes.ts'
import { FRAME_HEADER_BYTES, FRAME_MAGIC, readFrameHeader } from './frame.ts'
import { type SegmentName, segmentName } from './layout.ts'
import type { OpenSegments } from './open-segments.ts'
import { assertLinked } from './removed.ts'
import {
  DATA_START,
  isOf,
  isSealOf,
  plausibleHeader,
  readHeader,
  readSeal,
  SEAL_AT,
  SEAL_BYTES,
  type Seal,
  type SegmentHeader,
  writeSeal,
} from './segment.ts'
import { Gone, writeAgain, writeHeaderAgain } from './written-again.ts'

export class Segment implements SegmentName {
  readonly base: number
  readonly rewrite: number
  /** Behind the last frame that is known to hold. */
  end = DATA_START
  /** The id that comes behind it. */
  nextId: number
  seal: Seal | undefined
  /** A seal stands in the file that doesn't hold. */
  badSeal = false
  /** A whole segment stands under its name, but another one: somebody copied or renamed it. */
  isForeign = false
  /** No copy of the header holds: what stands for it is guessed from the frames. */
  isGuessed = false
  /** One copy of the header doesn't hold. */
  damagedHeader = false
  /** Bytes that are no frame stand behind `end`: nothing is ever written over them. */
  torn = false
  /** Up to here zeros stood behind `end` when this handle last looked or wrote them (ahead.ts). */
  filledTo = 0
  /** Frames were written through this handle's descriptor and not yet synced: it must stay open until then. */
  dirty = false
  /** A sync through this handle's descriptor failed: no later one counts. */
  poisoned = false
  /** Up to here it is durable, and the id that comes there. */
  synced: { end: number; nextId: number }
  /** From here on all was written while this descriptor was open: of what came before, its sync may hear nothing. */
  heardFrom = Infinity
  /** Bytes that don't hold, and of which that is known and told. */
  readonly gaps: { readonly from: number; readonly to: number }[] = []
  /** Up to here others told that it is durable. */
  toldTo = 0
  /** Bytes that are no frame stand behind its seal: the seal, which says so, has to be durable like a frame. */
  unsure = false
  /** Its name is durable. */
  named = false
  readonly index: SegmentIndex
  readonly gate = new Gate(() => this.#sync())

  readonly #disk: Disk
  readonly #folder: string
  #file: DiskFile | undefined
  #header: SegmentHeader | undefined
  readonly #scratch = Buffer.alloc(SEAL_BYTES)

  readonly #among: OpenSegments | undefined

  /** `among`: those that are to be open no longer than they are used, and how far a name may lead. */
  constructor(disk: Disk, folder: string, name: SegmentName, indexBytes: number, among?: OpenSegments) {
    this.#among = among
    this.#disk = disk
    this.#folder = folder
    this.base = name.base
    this.rewrite = name.rewrite
    this.nextId = name.base
    this.synced = { end: 0, nextId: name.base }
    this.index = new SegmentIndex(indexBytes)
  }

  get name(): string {
    return segmentName(this)
  }

  get path(): string {
    return `${this.#folder}/${this.name}`
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** It was opened, and has a header. */
  get isWhole(): boolean {
    return this.#header !== undefined
  }

  get isEmpty(): boolean {
    return this.end === DATA_START
  }

  /** A new segment, whose header is written and whose file is handed over. */
  adopt(file: DiskFile, header: SegmentHeader): void {
    this.#file = file
    this.#header = header
    this.heardFrom = 0
    this.#among?.opened(this)
  }

  /** Opens the file and reads its head; false where nothing in it makes it a segment (its creator died). */
  open(): boolean {
    if (this.#file) return this.isWhole
    const file = this.#disk.open(this.path, 'write')
    try {
      const isWhole = this.#opened(file)
      this.#among?.opened(this)
      return isWhole
    } catch (error) {
      file.close()
      this.#file = undefined
      this.#header = undefined
      throw error
    }
  }

  #opened(file: DiskFile): boolean {
    const head = Buffer.alloc(DATA_START)
    const reading = readHeader(head.subarray(0, file.read(head, 0, DATA_START, 0)))
    if (reading.newerVersion !== undefined) {
      throw new FormatError(
        `${this.path} was written by a newer version of spoolq (format ${reading.newerVersion}): update spoolq`,
      )
    }
    this.#file = file
    this.heardFrom = Infinity
    const header = reading.header && plausibleHeader(reading.header, file.size())
    this.isForeign = this.base > (this.#among?.mostBase ?? Infinity) || (header !== undefined && !isOf(header, this))
    this.isGuessed = header === undefined
    this.damagedHeader = reading.damaged || this.isGuessed
    this.#header = this.isForeign ? undefined : (header ?? guessed(file, this))
    if (!this.#header) return false
    if (this.#header.asideEnd > this.end) {
      this.end = this.#header.asideEnd
      this.nextId = this.base + this.#header.asideCount
      this.synced = { end: this.end, nextId: this.nextId }
    }
    const seal = this.readSeal()
    // A rewritten segment was whole and synced before it had its name.
    if (seal && this.rewrite > 0) this.synced = { ...seal }
    return true
  }

  get file(): DiskFile {
    if (!this.#file) this.open()
    if (!this.#file) throw new Error(`${this.path} is not open`)
    return this.#file
  }

  get header(): SegmentHeader {
    if (!this.#header) this.open()
    if (!this.#header) throw new Error(`${this.path} has no header`)
    return this.#header
  }

  /** Looks for the seal, by which a running process learns that the log goes on elsewhere. */
  readSeal(): Seal | undefined {
    if (this.seal) return this.seal
    const read = this.file.read(this.#scratch, 0, SEAL_BYTES, SEAL_AT)
    const found = read === SEAL_BYTES ? readSeal(this.#scratch) : 'none'
    const seal = typeof found === 'object' && !isSealOf(found, this.base) ? 'bad' : found
    this.badSeal = seal === 'bad'
    if (typeof seal === 'string') return
    this.#sealed(seal)
    return seal
  }

  /** Says for ever where the frames end. It needs no new block: it works on a full disk. */
  writeSeal(): void {
    const seal = { end: this.end, nextId: this.nextId }
    this.file.write(writeSeal(seal), SEAL_AT)
    this.#sealed(seal)
  }

  /** It has no seal that holds, and the next segment begins with this id. */
  presume(nextId: number): void {
    this.end = Math.max(this.size(), DATA_START)
    this.nextId = nextId
  }

  #sealed(seal: Seal): void {
    this.seal = seal
    this.end = seal.end
    this.nextId = seal.nextId
    this.unsure = this.size() > seal.end
  }

  /** All that stands up to the known end was met: what comes behind it is written while this descriptor is open. */
  met(): void {
    if (this.heardFrom > this.end) this.heardFrom = this.end
  }

  async #sync(): Promise<void> {
    const { end, nextId, file, unsure } = this
    if (this.poisoned) throw new Error(`an earlier sync of ${this.path} failed`)
    const [from, to] = [Math.max(this.synced.end, this.toldTo), Math.min(end, this.heardFrom)]
    let vouches = true
    try {
      if (from < to) vouches = await this.#wroteAgain(file, from, to)
      await file.sync()
    } catch (error) {
      this.poisoned = true
      throw error
    }
    // An empty one may have been replaced under its own name, by a segment that was synced before.
    if (end > DATA_START) assertLinked(file)
    if (end === this.end) this.dirty = false
    if (unsure) this.unsure = false
    if (!vouches) return
    if (end > this.synced.end) this.synced = { end, nextId }
  }

  /** What others left, so that the sync counts for it. False where it can't be done: then nothing is known of it. */
  async #wroteAgain(file: DiskFile, from: number, to: number): Promise<boolean> {
    const { header, gaps, isGuessed } = this
    try {
      if (from < DATA_START && !isGuessed) await writeHeaderAgain(file, header.nonce)
      let at = Math.max(from, DATA_START)
      for (const gap of [...gaps, { from: to, to }].sort((one, other) => one.from - other.from)) {
        await writeAgain(file, header.nonce, at, Math.min(gap.from, to))
        at = Math.max(at, gap.to)
      }
      return true
    } catch (error) {
      // Nothing that was written here hangs on it otherwise; and who wants it is told.
      if (error instanceof Gone && this.dirty) throw error
      return false
    }
  }

  size(): number {
    return this.file.size()
  }

  /** Bytes of frames, as far as known. */
  get dataBytes(): number {
    return this.end - DATA_START
  }

  /** At once, as one step may pass a thousand segments; but a sync under way still needs its descriptor, and keeps it. */
  close(): void {
    const file = this.#file
    this.#file = undefined
    this.#among?.closed(this)
    if (this.gate.isIdle) file?.close()
    else void this.gate.idle().then(() => file?.close())
  }
}

/** Every so many bytes the id of a frame and its offset: where a search for an id begins. */
export class SegmentIndex {
  readonly #every: number
  readonly #ids: number[] = []
  readonly #offsets: number[] = []

  constructor(every: number) {
    this.#every = every
  }

  add(id: number, offset: number): void {
    const last = this.#offsets.at(-1) ?? DATA_START - this.#every
    if (offset < last + this.#every) return
    this.#ids.push(id)
    this.#offsets.push(offset)
  }

  /** The last remembered frame that doesn't start behind `id`. */
  before(id: number): { readonly id: number; readonly offset: number } | undefined {
    let low = 0
    let high = this.#ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] ?? 0) <= id) low = middle + 1
      else high = middle
    }
    const at = this.#ids[low - 1]
    const offset = this.#offsets[low - 1]
    return at === undefined || offset === undefined ? undefined : { id: at, offset }
  }
}

/** A header that rotted away whole can be guessed from the first frame that holds: its nonce is all that is needed. */
function guessed(file: DiskFile, name: SegmentName): SegmentHeader | undefined {
  const bytes = Buffer.alloc(Math.min(file.size(), 1 << 20))
  file.read(bytes, 0, bytes.length, 0)
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(FRAME_MAGIC)
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    if (at + FRAME_HEADER_BYTES > bytes.length) break
    const nonce = getU32(bytes, at + 28)
    if (!readFrameHeader(bytes, at, bytes.length, nonce)) continue
    return { ...name, nonce, made: 0, asideEnd: 0, asideCount: 0, items: 0, limit: 0, codec: '', voids: [], boot: 0 }
  }
  return
}

// journal.ts: the cursor on disk: two files, in turn. What is called here runs under cursor.lock, but `sync`.
//
//        file 0   generation 4: snapshot, records … full ──┐
//        file 1   generation 5: snapshot ◀─────────────────┘ records … "durable" … full ──┐
//        file 0   generation 6: snapshot ◀────────────────────────────────────────────────┘ …
//
// A generation is written over its predecessor's predecessor, and only once a record of its predecessor says that the
// predecessor is durable: at every moment one whole generation is on the disk. The predecessor's last record is that it
// was followed: a follower that is not there was damaged. Memory moves last: a record is applied when it was written.

import type { Disk, DiskFile } from '../disk/disk.ts'
import { END_OF_IDS } from '../ids.ts'
import { ByteWriter, checksumOf } from './bytes.ts'
import { FAR } from './claims.ts'
import {
  type CursorHeader,
  type CursorReading,
  claimedGeneration,
  firstSeed,
  journalStart,
  RESERVED_BYTES,
  readCursorFile,
  writeCursorFile,
} from './cursor-file.ts'
import { grow, type Half, openHalf, openHalves, sized } from './cursor-half.ts'
import { type CursorDamage, loadCursor } from './cursor-loading.ts'
import { CURSOR_VERSION, CursorState } from './cursor-state.ts'
import type { Limits } from './limits.ts'
import { type CursorRecord, decodeRecord, encodeRecord, fitted } from './record.ts'
import type { StepLock } from './step-lock.ts'

/** The next generation has to wait for a sync: `Journal.harden()`, outside the lock, then once more. */
export const NOT_YET_DURABLE = Symbol('not yet durable')

/** Where a generation's next record goes. */
interface Place {
  readonly header: CursorHeader
  readonly end: number
  readonly seed: number
}

export class Journal {
  state = new CursorState()
  /** What the last loading found damaged; whoever loads takes it. */
  damaged: CursorDamage[] = []
  /** Neither file held: the state was made up from nothing. */
  lostAll = false
  /** Ids are below it, as far as the log's first segment tells: what says otherwise can't be true. */
  endOfIds = END_OF_IDS

  readonly #disk: Disk
  readonly #folder: string
  readonly #limits: Limits
  readonly #random: () => number
  readonly #scratch = Buffer.alloc(512)
  readonly #writer = new ByteWriter()
  readonly #halves: [Half, Half]
  #ruling: 0 | 1 = 0
  #header: CursorHeader = {
    version: CURSOR_VERSION,
    generation: 0,
    salt: 0,
    fileBytes: 0,
    snapshotBytes: 0,
    snapshotCrc: 0,
  }
  #otherGeneration = 0
  #end = 0
  #seed = 0
  #durable = false
  /** Something was stepped over: the next generation begins at the next write, so that it is met once only. */
  #hasGap = false
  /** The generation before, where this handle saw it end. */
  #predecessor: Place | undefined
  #mending: (() => void) | undefined
  readonly #lock: Pick<StepLock, 'epoch' | 'takeOver'> | undefined
  /** The lock's, when all was read that stood there. */
  #epoch = -1

  /** `lock`: cursor.lock, by which it learns that nobody else has written. */
  constructor(
    folder: string,
    world: { disk: Disk; random: () => number; limits: Limits },
    lock?: Pick<StepLock, 'epoch' | 'takeOver'>,
  ) {
    this.#lock = lock
    this.#folder = folder
    this.#disk = world.disk
    this.#random = world.random
    this.#limits = world.limits
    this.#halves = openHalves(this.#disk, this.#folder)
  }

  get #file(): DiskFile {
    return this.#halves[this.#ruling].file
  }

  /**
   * Reads both files whole. `head`: where a queue without any cursor begins. `opening`: whether it may have none; what
   * rotted is then told before it is mended.
   */
  load(head: number, opening?: { readonly isNew: boolean }): void {
    if (opening) this.endOfIds = Math.min(head + FAR, END_OF_IDS)
    const loaded = loadCursor([this.#halves[0].file, this.#halves[1].file], this.#folder, this.endOfIds)
    const { ruling, damaged } = loaded
    const wasThere = opening ? !opening.isNew : loaded.everWritten
    this.lostAll = !ruling && wasThere
    // What a crash left of the very first writes is no damage.
    this.damaged = ruling || (opening && wasThere) ? damaged : []
    this.#predecessor = undefined
    this.#mending = loaded.mend
    if (!opening || this.damaged.length === 0) this.mend()
    if (ruling) this.#rule(ruling.which, ruling.reading, ruling.state)
    else this.#begin(head, loaded.generation)
  }

  /** Makes the ruling file whole where a part of it could be made anew. */
  mend(): void {
    if (!this.#mending) return
    this.#lock?.takeOver()
    this.#mending()
    this.#mending = undefined
  }

  #rule(which: 0 | 1, reading: CursorReading, state: CursorState): void {
    this.#ruling = which
    this.state = state
    if (reading.header?.generation !== this.#header.generation) this.#halves[which].poisoned = false
    if (reading.header) this.#header = reading.header
    this.#end = reading.end
    this.#seed = reading.seed
    this.#hasGap = reading.damaged.some(({ isGap }) => isGap)
    this.#durable = reading.records.some(({ kind }) => kind === 'durable')
    this.#otherGeneration = claimedGeneration(this.#halves[which === 0 ? 1 : 0].file, this.#scratch)
  }

  /** No file holds: a new queue, or one that lost both. `generation`: the highest that was ever there. */
  #begin(head: number, generation: number): void {
    this.state = new CursorState(head)
    this.#durable = true
    this.#ruling = 1
    this.#header = { ...this.#header, version: CURSOR_VERSION, generation }
    this.roll()
    this.#predecessor = undefined
    // Else the next look would take it for another one's, and load anew what was told of as damaged.
    this.#otherGeneration = claimedGeneration(this.#halves[1].file, this.#scratch)
    // Both files get all their blocks now, so that an acknowledgement never needs one.
    grow(this.#halves[1].file, this.#header.fileBytes)
  }

  /** Learns what others wrote, if somebody may have. */
  refresh(): void {
    if (this.#lock !== undefined && this.#lock.epoch === this.#epoch) return
    this.#catchUp()
    this.#epoch = this.#lock?.epoch ?? 0
  }

  /** Running out of turn of the files means a newer generation: everything anew. */
  #catchUp(): void {
    const other = this.#halves[this.#ruling === 0 ? 1 : 0].file
    if (claimedGeneration(other, this.#scratch) !== this.#otherGeneration) return this.load(this.state.runs.head)
    // What was never durable may have been written over in its place, after a failed sync.
    if (!this.#durable && claimedGeneration(this.#file, this.#scratch) !== this.#header.generation) {
      return this.load(this.state.runs.head)
    }
    for (;;) {
      const read = this.#file.read(this.#scratch, 0, this.#scratch.length, this.#end)
      if (this.#scratch[0] === 0 || read === 0) return
      const known = this.#end
      this.#follow(read)
      if (this.#end === known) return this.#followLarge()
    }
  }

  #follow(read: number): void {
    const bytes = this.#scratch.subarray(0, read)
    let at = 0
    for (let found = this.#decode(bytes, at); found; found = this.#decode(bytes, at)) {
      this.#apply(found.record)
      this.#end += found.next - at
      at = found.next
      this.#seed = found.crc
    }
  }

  /** A record that is larger than the scratch buffer. */
  #followLarge(): void {
    const bytes = Buffer.alloc(8192)
    const read = this.#file.read(bytes, 0, bytes.length, this.#end)
    const found = this.#decode(bytes.subarray(0, read), 0)
    if (!found) return this.#stepOver()
    this.#apply(found.record)
    this.#end += found.next
    this.#seed = found.crc
    this.#catchUp()
  }

  /** What a kill tore is the end, to be written over; what rotted since is not, as others have written on behind it. */
  #stepOver(): void {
    const { header, end } = readCursorFile(this.#file, this.endOfIds)
    if (header?.generation === this.#header.generation && end > this.#end) this.load(this.state.runs.head)
  }

  #decode(bytes: Uint8Array, at: number): ReturnType<typeof decodeRecord> {
    return decodeRecord(bytes, at, this.#seed, this.#header.salt, this.endOfIds)
  }

  #apply(record: CursorRecord): void {
    this.state.apply(record)
    if (record.kind === 'durable') this.#durable = true
  }

  /** Sees to it that so many bytes of records fit. */
  makeRoom(bytes: number): typeof NOT_YET_DURABLE | undefined {
    if (this.#hasRoom(bytes)) return
    if (!this.#durable) return NOT_YET_DURABLE
    this.roll(bytes)
    return
  }

  /** Writes the records in one go, then applies them; or says that it must be tried again after `harden()`. */
  append(records: readonly CursorRecord[]): typeof NOT_YET_DURABLE | undefined {
    const all = records.length === 1 && records[0] ? fitted(records[0]) : records.flatMap(fitted)
    let written = this.#encode(all)
    if (written.bytes.length === 0) return
    if (!this.#hasRoom(written.bytes.length)) {
      if (!this.#durable) return NOT_YET_DURABLE
      this.roll(written.bytes.length)
      written = this.#encode(all)
    }
    this.#write(written, all)
    return
  }

  /** Nothing is written behind a gap, nor by an older version: there the next generation begins. */
  #hasRoom(bytes: number): boolean {
    if (this.#hasGap || this.version < CURSOR_VERSION) return false
    return this.#end + bytes <= this.#header.fileBytes - RESERVED_BYTES
  }

  #write(written: { readonly bytes: Buffer; readonly seed: number }, records: readonly CursorRecord[]): void {
    this.#lock?.takeOver()
    this.#file.write(written.bytes, this.#end)
    this.#end += written.bytes.length
    this.#seed = written.seed
    for (const record of records) this.#apply(record)
  }

  #encode(records: readonly CursorRecord[]): { readonly bytes: Buffer; readonly seed: number } {
    const writer = this.#writer
    writer.empty()
    let seed = this.#seed
    for (const record of records) seed = encodeRecord(record, writer, seed, this.#header.salt)
    return { bytes: writer.bytes(), seed }
  }

  /** Opens the next generation in the other file. The caller sees to `harden()` afterwards. */
  roll(roomBytes = 0): void {
    this.#snapshot(this.#ruling === 0 ? 1 : 0, roomBytes)
  }

  #snapshot(into: 0 | 1, roomBytes: number): void {
    this.#lock?.takeOver()
    this.mend()
    const snapshot = this.state.encode()
    const fileBytes = sized(this.#halves[into].file, {
      snapshotBytes: snapshot.length,
      roomBytes,
      least: this.#limits.cursorBytes,
    })
    const header = {
      version: CURSOR_VERSION,
      generation: Math.max(this.#header.generation, this.#otherGeneration) + 1,
      salt: this.#random(),
      fileBytes,
      snapshotBytes: snapshot.length,
      snapshotCrc: checksumOf(snapshot),
    }
    writeCursorFile(this.#halves[into].file, header, snapshot)
    this.#halves[into].poisoned = false
    const stayed = into === this.#ruling
    if (!stayed) this.#otherGeneration = this.#header.generation
    this.#predecessor = stayed ? undefined : { header: this.#header, end: this.#end, seed: this.#seed }
    this.#ruling = into
    this.#header = header
    this.#end = journalStart(snapshot.length)
    this.#seed = firstSeed(header)
    this.#durable = false
    this.#hasGap = false
  }

  get durable(): boolean {
    return this.#durable
  }

  get generation(): number {
    return this.#header.generation
  }

  get version(): number {
    return this.#header.version
  }

  /** The sync that makes what was written so far durable; outside the lock. It holds the file it was called for. */
  sync(): Promise<void> {
    return this.#halves[this.#ruling].gate.pass()
  }

  get poisoned(): boolean {
    return this.#halves[this.#ruling].poisoned
  }

  /**
   * After a failed sync of the ruling file: a new generation, through a new descriptor. One that was durable is kept
   * and the other file is written; one that never was is written over, because the other one is all there is.
   */
  renew(): void {
    const old = this.#ruling
    const into = this.#durable ? (old === 0 ? 1 : 0) : old
    const closed = this.#halves[into].file
    this.#halves[into] = openHalf(this.#disk, this.#folder, into)
    closed.close()
    this.#snapshot(into, 0)
  }

  /** Under the lock, after a sync: the generation that was synced is durable. */
  markDurable(generation: number): void {
    if (this.#durable || this.#header.generation !== generation) return
    // The room that is kept free at the end is for this record and the last one.
    const records = [{ kind: 'durable' }] as const
    this.#write(this.#encode(records), records)
    this.#endPredecessor()
  }

  #endPredecessor(): void {
    const predecessor = this.#predecessor
    this.#predecessor = undefined
    if (!predecessor) return
    const { header, end, seed } = predecessor
    const writer = new ByteWriter()
    encodeRecord({ kind: 'followed' }, writer, seed, header.salt)
    this.#halves[this.#ruling === 0 ? 1 : 0].file.write(writer.bytes(), end)
  }

  /** Bytes of both files. */
  get fileBytes(): number {
    return this.#halves.reduce((sum, { file }) => sum + file.size(), 0)
  }

  close(): void {
    for (const { file } of this.#halves) file.close()
  }

  idle(): Promise<unknown> {
    return Promise.all(this.#halves.map(({ gate }) => gate.idle()))
  }
}

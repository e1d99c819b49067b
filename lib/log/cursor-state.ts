// cursor-state.ts: the moving read pointer, as the journal tells it: state = fold(records). Pure: no disk, no clock.
//
// snapshot: head · next owner · lost · synced-to (segment, offset, next id)
//           · owners (n, then number, boot, device and inode each) · failed (n, then id, segment, offset, attempt each)
//           · runs (n, then gap, length − 1, state 0 settled | 1 in flight | 2 back | 3 acked, and its fields each)
//           · boot, origin, drift, drift before (where the queue was opened in format 2)
// All numbers are varints. The same state always gives the same bytes: a damaged snapshot can be made anew.

import { END_OF_IDS } from '../ids.ts'
import type { IdRange } from '../store.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { type FailedAt, FailedPlaces } from './failed-places.ts'
import { isBefore, type Position, START } from './frame.ts'
import { ACKED, type IdState, SETTLED } from './id-state.ts'
import { NO_BOOT, NOWHERE, type Place } from './place.ts'
import { type CursorRecord, fieldsOf, GONE, isPlausibleSynced, signed, unsigned } from './record.ts'
import { Runs } from './runs.ts'

/** Of the cursor's files: read are 1 and 2, written is 2. Version 1 says no more of an owner than its boot. */
export const CURSOR_VERSION = 2

export interface SyncedTo {
  readonly position: Position
  readonly nextId: number
}

/** Of the boot in which the queue was opened last; and the last drift of the one before. */
export interface BootTime {
  readonly boot: number
  readonly origin: number
  readonly drift: number
  readonly before: number
}

const NO_TIME: BootTime = Object.freeze({ boot: NO_BOOT, origin: 0, drift: 0, before: 0 })

export class CursorState {
  readonly runs: Runs
  /** Open handles by number, and where each was opened. */
  readonly owners = new Map<number, Place>()
  readonly failed = new FailedPlaces()
  nextOwner = 1
  lost = 0
  synced: SyncedTo = { position: START, nextId: 1 }
  time: BootTime = NO_TIME

  constructor(head = 1) {
    this.runs = new Runs(head)
  }

  apply(record: CursorRecord): void {
    switch (record.kind) {
      case 'took':
        return this.#took(record)
      case 'settled':
        return this.#each(record.ids, () => SETTLED)
      case 'back':
        return this.#each(record.ids, (value) => back(value, record.counted, record.due))
      case 'failed':
        return this.#failed(record.ids, record)
      case 'gone':
        return this.#gone(record.ids, record.why)
      case 'due':
        return this.#each(record.ids, () => ({ state: 'back', attempt: record.attempt, due: record.due }))
      case 'synced':
        return this.#synced(record)
      case 'joined':
        this.owners.set(record.owner, record.place)
        this.nextOwner = Math.max(this.nextOwner, record.owner + 1)
        return
      case 'left':
        return this.#left(record.owner, record.counted, record.ids)
      case 'acked':
        this.#each(record.ids, () => ACKED)
        return this.runs.trimAcked(record.keep)
      case 'extended':
        return this.#extended(record.ids, record.deadline)
      case 'clock':
        return this.#clock(record)
      case 'durable':
      case 'followed':
        return
      case 'restored':
        for (const { from, to } of record.ids) this.runs.restore(from, to)
        return
      case 'unfailed':
        for (const { from, to } of record.ids) this.#unfailed(from, to)
        return
      default:
        return record satisfies never
    }
  }

  #each(ids: readonly IdRange[], next: (value: IdState | undefined) => IdState | undefined): void {
    for (const { from, to } of ids) this.runs.change(from, to, next)
  }

  #took({ ids, owner, deadline, mode }: Extract<CursorRecord, { kind: 'took' }>): void {
    this.#each(ids, (value) => {
      if (value?.state === 'settled') return value
      // Where damage took the record of its joining, what it holds must still come back when it is dead.
      if (!this.owners.has(owner)) this.owners.set(owner, NOWHERE)
      return { state: 'inFlight', owner, attempt: attemptOf(value) + 1, deadline, mode }
    })
  }

  #extended(ids: readonly IdRange[], deadline: number): void {
    this.#each(ids, (value) => (value?.state === 'inFlight' ? { ...value, deadline } : value))
  }

  /** After a reboot there is only the wall clock to go by: times become what it would have said of them. */
  #clock({ boot, origin, drift }: Extract<CursorRecord, { kind: 'clock' }>): void {
    const isNew = boot !== this.time.boot
    const before = isNew ? this.time.drift : this.time.before
    if (isNew && before !== 0) this.runs.shift(before)
    this.time = { boot, origin, drift, before }
  }

  #failed(ids: readonly IdRange[], at: FailedAt): void {
    this.#each(ids, () => SETTLED)
    const { segment, offset, attempt } = at
    for (const { from, to } of ids)
      for (let id = from; id <= to; id++) this.failed.set(id, { segment, offset, attempt })
  }

  #gone(ids: readonly IdRange[], why: number): void {
    if (GONE[why] === 'damage' || GONE[why] === 'missing')
      for (const { from, to } of ids) this.#lose(this.runs.live(from, to) + this.#unfailed(from, to))
    this.#each(ids, () => SETTLED)
  }

  #lose(count: number): void {
    this.lost = Math.min(this.lost + count, END_OF_IDS)
  }

  /** Failed no more; how many there were. */
  #unfailed(from: number, to: number): number {
    const before = this.failed.size
    if (to - from < before) for (let id = from; id <= to; id++) this.failed.delete(id)
    else for (const id of this.failed.keys()) if (id >= from && id <= to) this.failed.delete(id)
    return before - this.failed.size
  }

  #synced(to: { readonly segment: number; readonly offset: number; readonly nextId: number }): void {
    const position = { segment: to.segment, offset: to.offset }
    if (isBefore(this.synced.position, position)) this.synced = { position, nextId: to.nextId }
  }

  #left(owner: number, counted: number, marked: readonly IdRange[]): void {
    this.owners.delete(owner)
    const held = this.heldBy(owner)
    const isAhead = (value: IdState | undefined) => value?.state === 'inFlight' && value.mode === 1
    // Those in hand first: what is left of the others was only taken ahead.
    for (const { from, to } of marked) this.#giveBack(owner, from, to, counted)
    this.#each(held, (value) => (holds(value, owner) ? back(value, isAhead(value) ? 0 : counted, 0) : value))
  }

  #giveBack(owner: number, from: number, to: number, counted: number): void {
    this.runs.change(from, to, (value) => (holds(value, owner) ? back(value, counted, 0) : value))
  }

  /** The ids that an owner holds. */
  heldBy(owner: number): IdRange[] {
    return this.runs.inFlightWhere((value) => holds(value, owner))
  }

  encode(version = CURSOR_VERSION): Buffer {
    const writer = new ByteWriter()
    writer.varint(this.runs.head)
    writer.varint(this.nextOwner)
    writer.varint(this.lost)
    writer.varint(this.synced.position.segment)
    writer.varint(this.synced.position.offset)
    writer.varint(this.synced.nextId)
    writer.varint(this.owners.size)
    for (const [owner, place] of this.owners) each(writer, owner, ...(version > 1 ? fieldsOf(place) : [place.boot]))
    writer.varint(this.failed.size)
    for (const [id, { segment, offset, attempt }] of this.failed) each(writer, id, segment, offset, attempt)
    encodeRuns(writer, this.runs)
    if (this.time !== NO_TIME) {
      const { boot, origin, drift, before } = this.time
      each(writer, boot, signed(origin), signed(drift), signed(before))
    }
    return writer.bytes()
  }

  /** The state of a snapshot whose checksum held; undefined where it can't be true. `end`: ids are below it. */
  static read(bytes: Uint8Array, version: number, end = END_OF_IDS): CursorState | undefined {
    const reader = new ByteReader(bytes)
    const state = CursorState.#decoded(reader, bytes.length, version)
    return reader.overrun || !state.#isPlausible(end) ? undefined : state
  }

  /** The state of a snapshot that was made here. */
  static decode(bytes: Uint8Array, version = CURSOR_VERSION): CursorState {
    return CursorState.#decoded(new ByteReader(bytes), bytes.length, version)
  }

  #isPlausible(end: number): boolean {
    const { position, nextId } = this.synced
    if (Math.max(this.runs.head, this.runs.highest + 1) > end) return false
    for (const id of this.failed.keys()) if (id === 0 || id >= end) return false
    return this.runs.head > 0 && isPlausibleSynced({ ...position, nextId }, end)
  }

  static #decoded(reader: ByteReader, length: number, version: number): CursorState {
    const next = () => reader.varint()
    const state = new CursorState(next())
    state.nextOwner = next()
    state.lost = next()
    state.synced = { position: { segment: next(), offset: next() }, nextId: next() }
    for (let left = next(); left > 0 && !reader.overrun; left--) {
      const [owner, boot] = [next(), next()]
      state.owners.set(owner, version > 1 ? { boot, device: next(), inode: next() } : { ...NOWHERE, boot })
    }
    for (let left = next(); left > 0 && !reader.overrun; left--) {
      state.failed.set(next(), { segment: next(), offset: next(), attempt: next() })
    }
    decodeRuns(reader, state.runs)
    if (reader.at < length)
      state.time = { boot: next(), origin: unsigned(next()), drift: unsigned(next()), before: unsigned(next()) }
    return state
  }
}

function attemptOf(value: IdState | undefined): number {
  return value?.state === 'inFlight' || value?.state === 'back' ? value.attempt : 0
}

function holds(value: IdState | undefined, owner: number): boolean {
  return value?.state === 'inFlight' && value.owner === owner
}

/** Back in line; what never was taken, or is settled already, stays as it is. */
function back(value: IdState | undefined, counted: number, due: number): IdState | undefined {
  if (value?.state !== 'inFlight') return value
  const attempt = counted ? value.attempt : value.attempt - 1
  return attempt === 0 && due === 0 ? undefined : { state: 'back', attempt, due }
}

function each(writer: ByteWriter, ...values: readonly number[]): void {
  for (const value of values) writer.varint(value)
}

function encodeRuns(writer: ByteWriter, runs: Runs): void {
  const all = [...runs]
  writer.varint(all.length)
  let at = runs.head
  for (const { from, to, value } of all) {
    each(writer, from - at, to - from)
    at = to + 1
    if (value.state === 'settled') each(writer, 0)
    else if (value.state === 'inFlight') each(writer, 1, value.owner, value.attempt, value.deadline, value.mode)
    else if (value.state === 'acked') each(writer, 3)
    else each(writer, 2, value.attempt, value.due)
  }
}

function decodeRuns(reader: ByteReader, runs: Runs): void {
  const next = () => reader.varint()
  let at = runs.head
  for (let left = next(); left > 0 && !reader.overrun; left--) {
    const from = at + next()
    const to = from + next()
    at = to + 1
    runs.set(from, to, decodeState(next))
  }
}

function decodeState(next: () => number): IdState {
  const state = next()
  if (state === 0) return SETTLED
  if (state === 1) return { state: 'inFlight', owner: next(), attempt: next(), deadline: next(), mode: next() }
  if (state === 3) return ACKED
  return { state: 'back', attempt: next(), due: next() }
}

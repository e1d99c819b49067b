// lock-line.ts: who waits for a lock, in the order in which they came: a file beside the lock that all its users read and
// write, without holding it. It is made when somebody waits for the first time, in owners/, which nobody watches.
//
//     0        8         16                   64
//     ┌────────┬─────────┬────────────────────┬────────┬────────┬┄
//     │ until  │ active  │ the log's end, crc │ waiter │ waiter │     until: the end of the slice of who has the lock now
//     └────────┴─────────┴────────────────────┴────────┴────────┴┄    active: when it last showed that it uses it
//     waiter:  name (8) · came (8) · seen (8), times in milliseconds of the host's monotonic clock; zeros: free
//
// It guards nothing, the lock does: it only says who is to try next. So whatever stands here may be old, torn or wrong:
// nobody waits for anyone who has not been seen for a while, and each position is let try a little later than the one
// before. Two who chose the same place see it when they look again.

import type { DiskFile } from '../disk/disk.ts'
import { checksumOf, getU32, getU64, putU32, putU64 } from './bytes.ts'

const HEAD_BYTES = 64
const SLOT_BYTES = 24
const NAME_BYTES = 8
const FIRST_SLOTS = 40
const MOST_SLOTS = 4096

/** Who was not seen for so long has died, or was stopped: nobody waits for it. */
export const UNSEEN_MS = 250
/** Who has the lock shows so often that it uses it. */
export const ACTIVE_MS = 0.5
/** Who has not shown it for so long needs it no more. */
const IDLE_MS = 2
/** Who has the lock lets go of it by itself by then. */
const GRACE_MS = 1
export const MOST_SLICE_MS = 10

/** Where the log ends, as who had append.lock last knows it. */
export interface LogEnd {
  /** The segment's. */
  readonly base: number
  readonly end: number
  /** The id that comes there. */
  readonly nextId: number
  /** Where the last frame begins. */
  readonly last: number
  /** From here on no frame says more than which items it holds. */
  readonly plainFrom: number
}

const END_AT = 16
const END_BYTES = 40
const CRC_AT = END_AT + END_BYTES

export interface Look {
  /** How many came before. */
  readonly position: number
  /** How many wait besides. */
  readonly others: number
  /** When who has the lock now lets go of it. */
  readonly freeAt: number
}

export class LockLine {
  readonly #file: DiskFile
  readonly #name: Buffer
  #bytes = Buffer.alloc(HEAD_BYTES + FIRST_SLOTS * SLOT_BYTES)
  readonly #slot = Buffer.alloc(SLOT_BYTES)
  readonly #head = Buffer.alloc(2 * NAME_BYTES)
  /** Where this one stands; -1: nowhere. */
  #at = -1

  constructor(file: DiskFile, name: Buffer) {
    this.#file = file
    this.#name = name
  }

  /** Waits, since `came`: looks who else does. */
  wait(came: number, now: number): Look {
    const length = this.#read()
    let [position, others, free, own] = [0, 0, -1, -1]
    for (let at = HEAD_BYTES; at + SLOT_BYTES <= length; at += SLOT_BYTES) {
      if (at === this.#at && this.#isOwn(at)) own = at
      else if (!this.#isWaiting(at, now)) free = free < 0 ? at : free
      else {
        others++
        const theirs = this.#bytes.readDoubleLE(at + 8)
        if (theirs < came || (theirs === came && at < this.#at)) position++
      }
    }
    this.#stand(own >= 0 ? own : free >= 0 ? free : length, came, now)
    return { position, others, freeAt: this.#freeAt(now) }
  }

  /** How many wait besides this one. */
  others(now: number): number {
    const length = this.#read()
    let others = 0
    for (let at = HEAD_BYTES; at + SLOT_BYTES <= length; at += SLOT_BYTES) {
      if (at !== this.#at && this.#isWaiting(at, now)) others++
    }
    return others
  }

  /** Has the lock until then, if it shows now and then that it uses it. */
  show(until: number, now: number): void {
    this.#head.writeDoubleLE(until, 0)
    this.#head.writeDoubleLE(now, 8)
    this.#file.write(this.#head, 0)
  }

  /** Under the lock: who is next need not read what it has missed. */
  tellEnd({ base, end, nextId, last, plainFrom }: LogEnd): void {
    const bytes = Buffer.alloc(END_BYTES + 4)
    for (const [index, value] of [base, end, nextId, last, plainFrom].entries()) putU64(bytes, index * 8, value)
    putU32(bytes, END_BYTES, checksumOf(bytes.subarray(0, END_BYTES)))
    this.#file.write(bytes, END_AT)
  }

  /** Under the lock: what was told last. */
  toldEnd(): LogEnd | undefined {
    const bytes = this.#bytes
    if (this.#file.read(bytes, 0, HEAD_BYTES, 0) < HEAD_BYTES) return
    if (checksumOf(bytes.subarray(END_AT, CRC_AT)) !== getU32(bytes, CRC_AT)) return
    const at = (index: number) => getU64(bytes, END_AT + index * 8)
    return { base: at(0), end: at(1), nextId: at(2), last: at(3), plainFrom: at(4) }
  }

  /** Waits no longer. */
  leave(): void {
    if (this.#at < 0) return
    this.#slot.fill(0)
    this.#file.write(this.#slot, this.#at)
    this.#at = -1
  }

  close(): void {
    this.#file.close()
  }

  #stand(at: number, came: number, now: number): void {
    if (at >= HEAD_BYTES + MOST_SLOTS * SLOT_BYTES) return
    this.#at = Math.max(at, HEAD_BYTES)
    this.#name.copy(this.#slot)
    this.#slot.writeDoubleLE(came, 8)
    this.#slot.writeDoubleLE(now, 16)
    this.#file.write(this.#slot, this.#at)
  }

  /** Returns how much there is, whole slots. */
  #read(): number {
    for (;;) {
      const got = this.#file.read(this.#bytes, 0, this.#bytes.length, 0)
      const isAll = got < this.#bytes.length || got >= HEAD_BYTES + MOST_SLOTS * SLOT_BYTES
      if (isAll) return got < HEAD_BYTES ? 0 : got - ((got - HEAD_BYTES) % SLOT_BYTES)
      this.#bytes = Buffer.alloc(HEAD_BYTES + 2 * (got - HEAD_BYTES))
    }
  }

  #isOwn(at: number): boolean {
    return this.#bytes.compare(this.#name, 0, NAME_BYTES, at, at + NAME_BYTES) === 0
  }

  #isWaiting(at: number, now: number): boolean {
    const seen = this.#bytes.readDoubleLE(at + 16)
    return seen > now - UNSEEN_MS && seen < now + UNSEEN_MS
  }

  /** When who has the lock now lets go of it: long ago, if it doesn't use it any more. */
  #freeAt(now: number): number {
    const [until, active] = [this.#bytes.readDoubleLE(0), this.#bytes.readDoubleLE(8)]
    const isHeld = until > now && until <= now + 2 * MOST_SLICE_MS && now - active < IDLE_MS
    if (isHeld) return until + GRACE_MS
    const freeAt = Math.min(until, active + IDLE_MS, now)
    // What stands there may be no number at all.
    return Number.isNaN(freeAt) ? now : freeAt
  }
}

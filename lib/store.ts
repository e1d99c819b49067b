// store.ts: the seam. The queue above it knows items, waiting, limits, iteration and streams; a store below it knows
// bytes, ids, states and durability. Every store passes spec/conformance.ts; what one cannot do it declares in
// `supports`, and the queue refuses it by name.
//
// States of an id, and what moves it:
//
//                 lease                     settle 'ack' (or pop)
//      ready ───────────────▶ in flight ───────────────────────────▶ settled
//        ▲                      │    │
//        │ settle 'back',       │    │ settle 'fail'
//        │ owner dead           │    ▼
//        └──────────────────────┘  failed     (delayed = ready, but not before its due time)

import type { HeldRange, Hold, IdRange, Pick, Settlement } from './settlement.ts'
import type { StoreEvents } from './store-events.ts'
import type { Watch } from './wait/changes.ts'
import type { StoreClock } from './wait/clock.ts'

export type { HeldRange, Hold, IdRange, Pick, Settlement } from './settlement.ts'
export type { Corruption, LockHolder, Recovered, StoreEvents, Waiting } from './store-events.ts'

export type Durability = 'disk' | 'os' | { readonly interval: number }
export type Order = 'fifo' | 'lifo' | 'priority'
export type Status = 'ready' | 'delayed' | 'inFlight' | 'failed' | 'acked'

/** What a store can do beyond put, peek, pop, lease and settle. */
export interface Supports {
  readonly orders: readonly Order[]
  readonly unique: boolean
  readonly update: boolean
  readonly leaseById: boolean
  readonly durable: boolean
  /** Puts the items of one batch into few documents (a log) rather than one document for each item (a table). */
  readonly documents: boolean
}

/** One or more items, encoded together. `bytes` never change once handed over, in either direction. */
export interface Document {
  readonly bytes: Uint8Array
  readonly count: number
}

/** Items of a document, each as a document of its own; undefined where the codec can't tell them apart. */
export type Cut = (document: Document, skip: number, count: number) => readonly Document[] | undefined

/** Items of one document that are handed out together: ids `firstId` to `firstId + count - 1`. */
export interface Piece {
  readonly firstId: number
  readonly count: number
  /** The same object for every piece of one document in a row, so that it need not be decoded again. */
  readonly document: Document
  /** How many of the document's items stand before the first of these. */
  readonly skip: number
  /** Deliveries, this one included; for a peek those so far, 0 for pops. */
  readonly attempt: number
  /** Milliseconds since 1970. */
  readonly enqueuedAt: number
  /** Of an item that was popped, where the store keeps them: `fail` needs them again. */
  readonly priority?: number | undefined
  readonly key?: string | undefined
}

export interface Bound {
  /** Items ready, delayed or in flight that the queue may hold. */
  readonly items: number
  /** Bytes of their encoded form that it may hold; items of one document share its bytes evenly. Default: no bound. */
  readonly bytes?: number | undefined
  /** What to do where there is no room: nothing ('refuse', the default), or drop the oldest ready items, by id. */
  readonly whenFull?: 'refuse' | 'drop-oldest' | undefined
  /**
   * After an append that found no room the store refuses all appends of this handle that have the same round: none goes
   * in before it. Whoever hears of the refusal begins a higher one.
   */
  readonly round?: number | undefined
  /** Told how many items were dropped. */
  readonly dropped?: ((count: number) => void) | undefined
}

export interface AppendOptions {
  /** Checked against what is there, whoever put it. */
  readonly bound?: Bound | undefined
  /** Not ready before, by the store's clock. */
  readonly due?: number | undefined
  /** How often its items were handed out before, elsewhere. Default: 0. */
  readonly attempt?: number | undefined
  /** Of all its items, where the order is 'priority': the lowest number is first. Default: 0. */
  readonly priority?: number | undefined
  /** Ends the wait for a lock, where the store has one: with its reason, and nothing was put. */
  readonly signal?: AbortSignal | undefined
}

/**
 * How far a copy into this store is. The batch under way holds the source's items behind `after` and up to `upTo`, and
 * gets ids from `nextId` on.
 */
export interface CopyMark {
  /** The source's identity. */
  readonly source: string
  readonly after: number
  readonly upTo: number
  readonly nextId: number
  /** Items of the batches before it, and of itself. */
  readonly copied: number
  readonly count: number
}

export interface Counts {
  readonly ready: number
  readonly delayed: number
  readonly inFlight: number
  readonly failed: number
  readonly acked: number
}

export interface StoreStats extends Counts {
  /** Encoded bytes of what is ready, delayed or in flight. */
  readonly bytes: number
  /** What its files, or those that it shares with others, take. */
  readonly fileBytes: number
  readonly deadBytes: number
  readonly segments: number
  /** Milliseconds since 1970. */
  readonly oldest?: number | undefined
  readonly nextId: number
  readonly lost: number
}

/** One item of a listing, still encoded. */
export interface Listed {
  readonly piece: Piece
  readonly status: Status
  readonly reason?: string | undefined
  /** Where the order is 'priority'. */
  readonly priority?: number | undefined
}

export interface ListOptions {
  readonly status: Status
  readonly after: number
  readonly limit: number
}

export interface StoreOptions {
  readonly durability: Durability
  /** The codec's name, recorded in a new queue. `undefined`: whatever is recorded, or 'msgpack' in a new queue. */
  readonly codec: string | undefined
  /** Recorded in a new queue; another one than the recorded is a FormatError. `undefined`: whatever is recorded. */
  readonly order: Order | undefined
  readonly flushLimit: number
  readonly segmentSize: number
  readonly onDamage: 'skip' | 'fail'
  readonly autoResume: boolean
  /** Acknowledged items to keep for the record. */
  readonly keepAcked?: number | undefined
  readonly events: StoreEvents
  /** For what is set aside: without it, an item's copy is its whole document. */
  readonly cut?: Cut | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Store {
  readonly supports: Supports
  /** The recorded codec's name. */
  readonly codec: string
  /** The recorded order. */
  readonly order: Order
  /**
   * What leases (`now`) and delays (`now` + `slept`) are measured with: the times of the calls below are its. Default: the
   * process's (`systemClock`).
   */
  readonly clock?: StoreClock | undefined

  /**
   * Puts the documents as one batch, all or nothing; resolves when it has the store's durability, to the first id
   * (the others follow it), or to `undefined` where the bound leaves no room now. Batches get their ids, and their
   * refusals, in the order of the calls.
   */
  append(documents: readonly Document[], options?: AppendOptions): Promise<number | undefined>
  /** As `append` without options; an id at once, where nothing has to be waited for. Never throws. */
  appendNow?(documents: readonly Document[]): number | Promise<number | undefined>
  /**
   * As `append`, but an item whose key is that of one that is ready, delayed or in flight (or of one before it in the
   * batch) is ignored: it gets no id, needs no room, and drops nothing. `keys`: one an item, of at most 64 ASCII
   * characters; each document holds one item. Resolves to an id or, where ignored, `undefined` for each item; to
   * `undefined` where the bound leaves no room for the others. Only where `supports.unique`.
   */
  appendUnique?(
    documents: readonly Document[],
    keys: readonly string[],
    options?: AppendOptions,
  ): Promise<readonly (number | undefined)[] | undefined>
  /**
   * Puts another document of one item in the place of the item with that id, whatever its status but settled; its id,
   * place, attempts and times stay. `key`: its new key; without it, it has none. Resolves to false where there is no
   * such item, or (unless it is failed) another one that is ready, delayed or in flight has the key. Only where `supports.update`.
   */
  update?(id: number, document: Document, key?: string): Promise<boolean>

  /** Up to `n` items from the front, in order; changes nothing. */
  peek(n: number): Promise<Piece[]>
  /**
   * Up to `n` items from the front, settled once it resolves. `signal`: ends the wait for a lock, where the store has one,
   * before anything is taken.
   */
  pop(n: number, signal?: AbortSignal): Promise<Piece[]>
  /** As `pop`, at once where nothing has to be waited for. Never throws. */
  popNow?(n: number): Piece[] | Promise<Piece[]>
  /** Drops up to `n` ready items from the front; resolves to how many there were. */
  delete(n: number): Promise<number>
  /** Drops what is ready or delayed; resolves to how many items that were. */
  clear(): Promise<number>

  /**
   * Up to `n` items from the front, in flight in this handle; `first` is settled in the same step. `pick`: that one
   * item instead, only where `supports.leaseById`.
   */
  lease(n: number, first?: readonly Settlement[], hold?: Hold, pick?: Pick): Promise<Piece[]>
  /**
   * As `lease`, at once; undefined, and nothing has changed, where something has to be waited for, or to be told: then
   * `lease` does.
   */
  leaseNow?(n: number, first: readonly Settlement[], hold: Hold): Piece[] | undefined
  /**
   * What of the items taken ahead is in hand in this handle's loop of that number: charged an attempt if the process
   * dies. Costs one small write and no lock; undefined: nothing.
   */
  mark(loop: number, ids: IdRange | undefined): void
  /** A later deadline for what this handle holds, by the store's clock. SettledError where it doesn't. */
  extend(ids: readonly HeldRange[], deadline: number): Promise<void>
  /** What dead handles held is ready again; resolves to how many items that were. Only needed without autoResume. */
  reclaim(): Promise<number>
  /**
   * Failed items (all, or those) become ready, under new ids and with no attempts; resolves to how many. One whose key
   * another item has by now stays failed.
   */
  retry(ids?: readonly number[]): Promise<number>
  /** Failed items (all, or those) go for good; resolves to how many. */
  discard(ids?: readonly number[]): Promise<number>
  /**
   * Settles what this handle holds, all of it or nothing: SettledError where one is not held any more. `relaxed`:
   * written, but the durability is not waited for.
   */
  settle(settlements: readonly Settlement[], relaxed?: boolean): Promise<void>
  /** Sets aside items of a piece that was popped and turned out not to decode, with the priority and key that it names. */
  fail(piece: Piece, reason: string): Promise<void>

  counts(): Promise<Counts>
  stats(): Promise<StoreStats>
  /** Items of one status with ids above `after`, by id. */
  list(options: ListOptions): Promise<Listed[]>
  flush(): Promise<{ readonly reclaimed: number }>

  /** Tells this queue from any other, for as long as it exists. */
  identity(): Promise<string>
  /** What was kept by `markCopy`, if a copy into this store was ever begun. */
  copyMark(): Promise<CopyMark | undefined>
  /** Keeps how far a copy into this store is; resolves when it is durable. */
  markCopy(mark: CopyMark): Promise<void>

  /**
   * Calls `changed` whenever something may have become ready, or room may have been made, by whomever; returns how to
   * stop. Costs something while it lasts: watch only while somebody waits, and look once more after the call.
   */
  watch(changed: () => void): Watch

  /** Lets what is under way finish, gives back what this handle holds, and frees everything. Settles once. */
  close(): Promise<void>
}

// map-store.ts: the seam of the maps. The map above it knows values and calls; a store below it knows keys, bytes and
// durability. Calls take effect in the order in which they are made.
//
// An entry has a place and a version. Places order the map by insertion and are never used again; an entry that is set
// once more keeps its place and gets the next version. So place and version together tell whether anybody has changed
// an entry since it was seen, also where it was deleted and set anew.

import type { Durability } from './store.ts'

/** What a key holds. `bytes` never change once handed over, in either direction. */
export interface Stored {
  readonly bytes: Uint8Array
  /** The store knows that they are not what was set. */
  readonly isDamaged?: boolean | undefined
  readonly place: number
  readonly version: number
}

/** One entry of a page. */
export interface PageEntry {
  readonly key: string
  readonly place: number
  /** Only where values were asked for. */
  readonly bytes?: Uint8Array | undefined
  readonly isDamaged?: boolean | undefined
}

/** What a page holds: entries behind a place, by place; one at least, if there is one. */
export interface PageOptions {
  readonly after: number
  readonly entries: number
  /** Keys and values come to so many bytes at most, but for the first one. */
  readonly bytes: number
  readonly values: boolean
}

/** Whether an entry was replaced; where it wasn't, what is there now. */
export type Replaced = { readonly done: true } | { readonly done: false; readonly now: Stored | undefined }

export interface MapStoreOptions {
  readonly durability: Durability
  /** Recorded in a new map; another one than the recorded is a CodecMismatchError. `undefined`: what is recorded. */
  readonly codec: string | undefined
  /** Free bytes that may stay in a file before they are given back. */
  readonly flushLimit: number
  readonly signal?: AbortSignal | undefined
}

/** A failure that no call waited for, an interval's sync, rejects the next call that changes something, or the close. */
export interface MapStore {
  /** The recorded codec's name. */
  readonly codec: string

  get(key: string): Promise<Stored | undefined>
  has(key: string): Promise<boolean>
  set(key: string, bytes: Uint8Array): Promise<void>
  /** Sets the key only where it still holds what was seen (`undefined`: nothing). */
  replace(key: string, bytes: Uint8Array, seen: Stored | undefined): Promise<Replaced>
  /** Whether there was such a key. */
  delete(key: string): Promise<boolean>
  /** Drops everything; resolves to how many entries that were. */
  clear(): Promise<number>
  size(): Promise<number>
  page(options: PageOptions): Promise<readonly PageEntry[]>
  /** Lets what is under way finish, and frees everything. Settles once. */
  close(): Promise<void>
}

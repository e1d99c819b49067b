// walk.ts: what keys(), values() and entries() return: an async generator over the entries by insertion, which reads
// them a page at a time, so that memory stays flat however large the map is.
//
//      walking ──return, throw, the end──▶ done
//
// As with a Map, changes in between break nothing: what was deleted before it was reached does not come, what was added
// does, what was set again comes with its new value, at its old place. For what this handle changes that holds to the
// letter: what was read ahead is then read again. What others change is met a page later at the latest.
//
// A value that can't be decoded rejects its next(), and the one after it goes on behind it.

import type { PageEntry, PageOptions } from '../map-store.ts'

const MAX_ENTRIES = 256
const MAX_BYTES = 64 * 1024

/** What is walked over. */
export interface Walked {
  page(options: PageOptions): Promise<readonly PageEntry[]>
  /** Another number after each change by this handle. */
  changes(): number
}

/** What is handed out of an entry. */
export interface Shape<R> {
  readonly values: boolean
  /** May throw CodecError. */
  of(entry: PageEntry): R
}

export class Walk<R> implements AsyncGenerator<R, undefined, undefined> {
  readonly #walked: Walked
  readonly #shape: Shape<R>
  #state: 'walking' | 'done' = 'walking'
  #page: readonly PageEntry[] = []
  #at = 0
  /** The place of the entry that was handed out last. */
  #after = 0
  #changes = -1
  #entries = 16
  #underWay = 0
  #tail: Promise<unknown> = Promise.resolve()
  readonly #answered = (): void => {
    this.#underWay -= 1
  }

  constructor(walked: Walked, shape: Shape<R>) {
    this.#walked = walked
    this.#shape = shape
  }

  next(): Promise<IteratorResult<R, undefined>> {
    this.#underWay += 1
    const result = this.#underWay === 1 ? this.#step() : this.#tail.then(() => this.#step())
    this.#tail = result.then(this.#answered, this.#answered)
    return result
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#end()
    await this.#tail
    return { value: undefined, done: true }
  }

  async throw(error: unknown): Promise<never> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async #step(): Promise<IteratorResult<R, undefined>> {
    const entry = this.#state === 'done' ? undefined : await this.#entry()
    if (entry === undefined || this.#left()) {
      this.#end()
      return { value: undefined, done: true }
    }
    this.#at += 1
    this.#after = entry.place
    return { value: this.#shape.of(entry), done: false }
  }

  /** Whether it was left while a page was read. */
  #left(): boolean {
    return this.#state === 'done'
  }

  async #entry(): Promise<PageEntry | undefined> {
    const stale = this.#changes !== this.#walked.changes()
    if (!stale && this.#at < this.#page.length) return this.#page[this.#at]
    // Where each step changes something, reading far ahead would be in vain each time.
    if (this.#changes >= 0) this.#entries = stale ? 1 : Math.min(2 * this.#entries, MAX_ENTRIES)
    this.#changes = this.#walked.changes()
    const { values } = this.#shape
    const options = { after: this.#after, entries: this.#entries, bytes: MAX_BYTES, values }
    this.#page = await this.#walked.page(options)
    this.#at = 0
    return this.#page[0]
  }

  #end(): void {
    this.#state = 'done'
    this.#page = []
  }
}

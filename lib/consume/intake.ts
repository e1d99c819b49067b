// intake.ts: items of one stream, encoded as they come, and appended together: when there is a document's worth of them,
// behind the turn of the event loop in which the first one came, or when the queue closes.

import type { GrowingDocuments } from '../codec/index.ts'
import { clearImmediate, setImmediate } from '../wait/timers.ts'
import type { Core } from './core.ts'
import type { Append } from './gathered-puts.ts'

/** A document of a batch: what a stream may hold beside its buffer. */
const MAX_ITEMS = 256
const MAX_BYTES = 64 * 1024

export class Intake<T> {
  readonly #core: Core<T>
  readonly #append: Append
  readonly #documents: GrowingDocuments<unknown>
  #due: { readonly flush: () => void; readonly immediate: NodeJS.Immediate } | undefined

  constructor(core: Core<T>, append: Append) {
    this.#core = core
    this.#append = append
    this.#documents = core.growing()
  }

  /** Items that are not appended yet. */
  get count(): number {
    return this.#documents.count
  }

  get isFull(): boolean {
    return this.count >= MAX_ITEMS || this.#documents.bytes >= MAX_BYTES
  }

  /** Throws CodecError. */
  add(item: T): void {
    this.#documents.add(item)
  }

  /** Has `flush` called in time, unless `append` is before. */
  later(flush: () => void): void {
    if (this.#due !== undefined) return
    this.#due = { flush, immediate: setImmediate(flush) }
    this.#core.unwritten.add(flush)
  }

  /** Resolves when all that was added is durable. */
  async append(): Promise<void> {
    if (this.#due !== undefined) {
      clearImmediate(this.#due.immediate)
      this.#core.unwritten.delete(this.#due.flush)
      this.#due = undefined
    }
    const { count } = this.#documents
    const documents = this.#documents.take()
    this.#core.checkPut()
    await this.#append(documents, count)
  }
}

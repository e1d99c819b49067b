// gathered-puts.ts: single puts of one turn, as one batch: each is encoded at its call, all of them are appended behind a
// microtask, or before whatever else is put, or when they have come to a good write.
//
//      put ─┐
//      put ─┼─▶ growing documents ──▶ store.append ──▶ first id ──▶ to each put its own
//      put ─┘

import type { GrowingDocuments } from '../codec/index.ts'
import type { Document } from '../store.ts'
import type { Core } from './core.ts'

/** As much as one write takes at once, and much less than a frame may hold. */
const MAX_BYTES = 256 * 1024

/** Appends that many items; resolves to the first id. */
export type Append = (documents: readonly Document[], count: number) => number | Promise<number>

/** What is chained to it runs as a microtask. */
const NEXT = Promise.resolve()

interface Group {
  firstId: Promise<number>
  /** Undefined while it gathers. */
  appended: number | Promise<number> | undefined
}

export class GatheredPuts<T> {
  readonly #core: Core<T>
  readonly #append: Append
  readonly #documents: GrowingDocuments<unknown>
  #group: Group | undefined

  constructor(core: Core<T>, append: Append) {
    this.#core = core
    this.#append = append
    this.#documents = core.growing()
  }

  /** One item; resolves to its id. Throws what is wrong with the item. */
  put(item: T): Promise<number> {
    if (this.#documents.busy) return this.#putFromWithin(item)
    this.#documents.add(item)
    const at = this.#documents.count - 1
    this.#group ??= this.#begin()
    const { firstId } = this.#group
    if (this.#documents.bytes > MAX_BYTES) this.flush()
    // The first one too: it would go on before the others, and what it puts then would be appended without theirs.
    return firstId.then((id) => id + at)
  }

  /** Appends what was gathered. */
  flush(): void {
    const group = this.#group
    if (group === undefined) return
    this.#group = undefined
    const { count } = this.#documents
    group.appended = this.#append(this.#documents.take(), count)
  }

  #begin(): Group {
    const firstId = NEXT.then(() => {
      if (group.appended === undefined) this.flush()
      return group.appended ?? Number.NaN
    })
    const group: Group = { firstId, appended: undefined }
    return group
  }

  /** An item that is put by a getter or a toJSON of another one comes behind that one. */
  #putFromWithin(item: T): Promise<number> {
    const document = this.#core.writer.one(item)
    return Promise.resolve().then(() => {
      this.flush()
      return this.#append([document], 1)
    })
  }
}

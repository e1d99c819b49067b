// mending.ts: what becomes of items that nobody will settle, those that were set aside and those of the dead; and
// another item in an item's place.

import { UnsupportedError } from '../errors.ts'
import { INDEXED } from '../location.ts'
import type { Core } from './core.ts'
import type { Encoded } from './putting.ts'

export class Mending<T> {
  readonly #core: Core<T>

  constructor(core: Core<T>) {
    this.#core = core
  }

  async reclaim(): Promise<number> {
    return this.#told(await this.#core.store.reclaim())
  }

  async retry(ids?: readonly number[]): Promise<number> {
    this.#core.check()
    return this.#told(await this.#core.store.retry(ids))
  }

  async discard(ids?: readonly number[]): Promise<number> {
    this.#core.check()
    return this.#core.store.discard(ids)
  }

  async update(id: number, { documents, keys }: Encoded): Promise<boolean> {
    const { store } = this.#core
    this.#core.check()
    const [document] = documents
    if (store.update === undefined || document === undefined) {
      throw new UnsupportedError(`update needs an index, which this store has not: ${INDEXED} have one`)
    }
    const updated = await store.update(id, document, keys?.[0])
    // A smaller one leaves room.
    if (updated) this.#core.freed()
    return updated
  }

  /** That many items are ready now. */
  #told(count: number): number {
    if (count > 0) this.#core.arrived()
    return count
  }
}

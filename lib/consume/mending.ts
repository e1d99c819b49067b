// mending.ts: what becomes of items that nobody will settle: those that were set aside, and those of the dead.

import type { Core } from './core.ts'

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

  /** That many items are ready now. */
  #told(count: number): number {
    if (count > 0) this.#core.arrived()
    return count
  }
}

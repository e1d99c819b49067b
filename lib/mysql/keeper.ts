// keeper.ts: what is kept beside the items: how far a copy into the queue is, and free pages.

import { copyMarkOf } from '../copy-mark.ts'
import type { CopyMark } from '../store.ts'
import type { Looker } from './looker.ts'
import { patiently } from './patience.ts'
import type { Pool } from './pool.ts'
import { hex } from './statements.ts'

export class Keeper {
  readonly #queue: number
  readonly #looker: Looker
  readonly #pool: Pool

  constructor(queue: number, looker: Looker, pool: Pool) {
    this.#queue = queue
    this.#looker = looker
    this.#pool = pool
  }

  /** Resolves to how many bytes of the tables of all queues are free now. */
  async flush(): Promise<number> {
    const before = await this.#looker.deadBytes()
    await this.#pool.use((link) => link.ask(['OPTIMIZE TABLE spoolq_items']))
    return Math.max(before - (await this.#looker.deadBytes()), 0)
  }

  async copyMark(): Promise<CopyMark | undefined> {
    const mark = await this.#looker.copyMark()
    return Buffer.isBuffer(mark) ? copyMarkOf(mark.toString()) : undefined
  }

  async markCopy(mark: CopyMark): Promise<void> {
    const words = hex(Buffer.from(JSON.stringify(mark)))
    const set = `UPDATE spoolq_queues SET copy_mark = ${words} WHERE id = ${this.#queue}`
    await patiently(() => this.#pool.use((link) => link.ask([set])))
  }
}

// standing.ts: a queue that stands with so many items waiting. What comes out of it has to be what went in, in order.

import { AsyncQueue } from '../lib/index.ts'
import { cycleOf } from './children.ts'
import { BATCH } from './contender.ts'
import { type Item, numberOf } from './items.ts'

export type Shape = 'in batches' | 'one by one'

export interface Place {
  readonly folder: string
  readonly backlog: number
}

/** A queue with so many items waiting. */
export class Standing {
  readonly backlog: number
  readonly #folder: string
  queue: AsyncQueue<Item>
  #head = 0
  #tail = 0

  private constructor(queue: AsyncQueue<Item>, folder: string, backlog: number) {
    this.queue = queue
    this.#folder = folder
    this.backlog = backlog
  }

  /** Over the batches that a process of its own put, or filled with single items here. */
  static async open({ folder, backlog }: Place, shape: Shape): Promise<Standing> {
    const standing = new Standing(await AsyncQueue.open<Item>(folder, { durability: 'os' }), folder, backlog)
    if (shape === 'one by one') await standing.putEach(backlog)
    standing.#tail = backlog
    return standing
  }

  /** The items that come next, numbered on from the last. */
  next(count: number): readonly Item[] {
    const cycle = cycleOf()
    const at = this.#tail % cycle.length
    this.#tail += count
    return at + count <= cycle.length
      ? cycle.slice(at, at + count)
      : [...cycle.slice(at), ...cycle.slice(0, at + count - cycle.length)]
  }

  see(item: Item | undefined): void {
    const due = this.#head++ % cycleOf().length
    if (item === undefined || numberOf(item) !== due) throw new Error(`item ${due} was due, and another came`)
  }

  seeAll(items: readonly Item[]): void {
    for (const item of items) this.see(item)
  }

  async put(count: number): Promise<void> {
    for (let put = 0; put < count; put += BATCH) await this.queue.putMany(this.next(Math.min(BATCH, count - put)))
  }

  async putEach(count: number): Promise<void> {
    for (let put = 0; put < count; put += BATCH) {
      await Promise.all(this.next(Math.min(BATCH, count - put)).map((item) => this.queue.put(item)))
    }
  }

  async delete(count: number): Promise<void> {
    this.#head += await this.queue.delete(count)
  }

  async reopen(flushLimit = 2 ** 20): Promise<void> {
    await this.queue.close()
    this.queue = await AsyncQueue.open<Item>(this.#folder, { durability: 'os', flushLimit })
  }

  async end(): Promise<void> {
    const size = await this.queue.size()
    if (size !== this.backlog) throw new Error(`${size} items are left, and ${this.backlog} should be`)
    await this.queue.close()
  }
}

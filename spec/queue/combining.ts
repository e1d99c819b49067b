// combining.ts: every order, unique or not, with leases, settlements, failures, retries, updates and restarts in random
// order, against a plain model. A difference is told with its seed; two handles are used in turn.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type AsyncQueue, type Delivery, UnsupportedError } from '../../lib/index.ts'
import { randomFrom } from '../process/random.ts'
import { Model, type Order, type Row } from './indexed-model.ts'
import { cut, type MakePlace, type Place } from './place.ts'

const SEEDS = process.env.SPOOLQ_CHECK ? 6 : 1
const STEPS = 150

export function combining(place: MakePlace): void {
  for (const order of ['fifo', 'lifo', 'priority'] as const) {
    for (const unique of [false, true]) {
      it(`does what the model does: '${order}'${unique ? ', unique' : ''}`, async () => {
        for (let seed = 1; seed <= SEEDS; seed += 1) await new Run(await place(), order, unique, seed).all()
      })
    }
  }
}

class Run {
  readonly #place: Place
  readonly #options
  readonly #model: Model
  readonly #told: string
  readonly #below: (n: number) => number
  #handles: AsyncQueue<string>[] = []
  #held: { readonly row: Row; readonly delivery: Delivery<string> }[] = []
  #nextId = 1

  constructor(place: Place, order: Order, unique: boolean, seed: number) {
    this.#place = place
    this.#options = { order, unique, durability: 'os' } as const
    this.#model = new Model(order, unique)
    this.#told = `order ${order}, unique ${unique}, seed ${seed}`
    const next = randomFrom(seed)
    this.#below = (n) => Math.floor(next() * n)
  }

  async all(): Promise<void> {
    await this.#open()
    for (let step = 0; step < STEPS; step += 1) {
      const name = names[this.#below(names.length)] ?? 'put'
      await this.#step(name, `${this.#told}, step ${step}: ${name}`)
    }
    const [queue] = this.#handles
    await this.#reopen()
    const rest = this.#model.pop(1e6)
    assert.deepEqual(await this.#any().pop(1e6), rest, `${this.#told}: what is left`)
    if (queue !== undefined) await cut(queue)
    for (const handle of this.#handles) await cut(handle)
  }

  async #step(name: Name, told: string): Promise<void> {
    await this[name](told)
    assert.deepEqual(await this.#any().counts(), this.#model.counts(), told)
    assert.deepEqual(await this.#any().peek(3), this.#items(this.#model.ready().slice(0, 3)), told)
  }

  async put(told: string): Promise<void> {
    const item = this.#item()
    const priority = this.#priority()
    assert.equal(await this.#any().put(item, priority), this.#model.put(item, priority?.priority ?? 0), told)
  }

  async putMany(told: string): Promise<void> {
    const items = Array.from({ length: this.#below(6) }, () => this.#item())
    const priority = this.#priority()
    const ids = items.map((item) => this.#model.put(item, priority?.priority ?? 0))
    this.#nextId = Math.max(this.#nextId, ...ids.map((id) => id ?? 0))
    assert.deepEqual(await this.#any().putMany(items, priority), ids, told)
  }

  async pop(told: string): Promise<void> {
    const n = 1 + this.#below(3)
    assert.deepEqual(await this.#any().pop(n), this.#model.pop(n), told)
  }

  async lease(told: string): Promise<void> {
    const n = 1 + this.#below(4)
    const deliveries = await this.#any().lease(n)
    this.#hold(deliveries, this.#model.lease(n), told)
  }

  async leaseId(told: string): Promise<void> {
    const id = this.#below(this.#nextId + 1)
    const delivery = await this.#any().lease({ id })
    const row = this.#model.leaseId(id)
    this.#hold(delivery ? [delivery] : [], row ? [row] : [], told)
  }

  async leaseAfter(told: string): Promise<void> {
    const after = this.#below(this.#nextId + 1)
    const delivery = await this.#any().lease({ after })
    const row = this.#model.leaseAfter(after)
    this.#hold(delivery ? [delivery] : [], row ? [row] : [], told)
  }

  async ack(): Promise<void> {
    await this.#settle(async ({ row, delivery }) => {
      await delivery.ack()
      this.#model.ack(row.id)
    })
  }

  async nack(): Promise<void> {
    await this.#settle(async ({ row, delivery }) => {
      await delivery.nack()
      this.#model.nack(row.id)
    })
  }

  async toBack(): Promise<void> {
    await this.#settle(async ({ row, delivery }) => {
      if (this.#options.order === 'lifo') {
        await assert.rejects(delivery.nack({ to: 'back' }), UnsupportedError)
        await delivery.nack()
        this.#model.nack(row.id)
        return
      }
      await delivery.nack({ to: 'back' })
      this.#model.toBack(row.id)
    })
  }

  async fail(): Promise<void> {
    await this.#settle(async ({ row, delivery }) => {
      await delivery.fail('no')
      this.#model.fail(row.id)
    })
  }

  async retry(told: string): Promise<void> {
    assert.equal(await this.#any().retry(), this.#model.retry(), told)
  }

  async update(told: string): Promise<void> {
    const id = this.#below(this.#nextId + 1)
    const item = this.#item()
    assert.equal(await this.#any().update(id, item), this.#model.update(id, item), told)
  }

  async reopen(): Promise<void> {
    if (this.#below(3) === 0) await this.#reopen()
  }

  async #reopen(): Promise<void> {
    for (const handle of this.#handles) await cut(handle)
    this.#held = []
    this.#model.giveBack()
    await this.#open()
  }

  async #open(): Promise<void> {
    this.#handles = [await this.#place.open<string>(this.#options), await this.#place.open<string>(this.#options)]
  }

  #hold(deliveries: readonly Delivery<string>[], rows: readonly Row[], told: string): void {
    const got = deliveries.map(({ id, item, attempt }) => ({ id, item, attempt }))
    assert.deepEqual(
      got,
      rows.map(({ id, item, attempt }) => ({ id, item, attempt })),
      told,
    )
    for (const [i, delivery] of deliveries.entries()) {
      const row = rows[i]
      if (row !== undefined) this.#held.push({ row, delivery })
    }
  }

  async #settle(
    how: (held: { readonly row: Row; readonly delivery: Delivery<string> }) => Promise<void>,
  ): Promise<void> {
    const [held] = this.#held.splice(this.#below(this.#held.length), 1)
    if (held !== undefined) await how(held)
  }

  #any(): AsyncQueue<string> {
    const queue = this.#handles[this.#below(this.#handles.length)]
    if (queue === undefined) throw new Error('no handle is open')
    return queue
  }

  #item(): string {
    return `item ${this.#below(12)}`
  }

  #priority(): { priority: number } | undefined {
    return this.#options.order === 'priority' ? { priority: this.#below(3) - 1 } : undefined
  }

  #items(rows: readonly Row[]): string[] {
    return rows.map(({ item }) => item)
  }
}

type Name = (typeof names)[number]
const names = [
  ...(['put', 'put', 'putMany', 'putMany', 'pop', 'lease', 'lease', 'leaseId', 'leaseAfter'] as const),
  ...(['ack', 'ack', 'nack', 'nack', 'toBack', 'fail', 'retry', 'update', 'reopen'] as const),
]

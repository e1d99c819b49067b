// scripted-store.ts: the memory store, with a record of what a session asks of it, and failures on demand.

import { json } from '../../lib/codec/json.ts'
import { Core, type CoreParts } from '../../lib/consume/core.ts'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import { defaults } from '../../lib/options.ts'
import type { Hold, IdRange, Piece, Settlement, Store, StoreOptions } from '../../lib/store.ts'
import { ManualClock } from '../wait/manual-clock.ts'

/** Of a store that nothing special is asked of. */
export const plainOptions: StoreOptions = {
  durability: 'os',
  codec: 'json',
  order: 'fifo',
  flushLimit: defaults.flushLimit,
  segmentSize: defaults.segmentSize,
  onDamage: 'skip',
  autoResume: true,
  events: { recovered() {}, corruption() {}, flushed() {}, failed() {} },
}

/** Of the handle; the store below knows of no leases that end. */
export type Limits = Partial<Pick<CoreParts<unknown>, 'maxAttempts' | 'leaseTimeout' | 'maxSize' | 'maxBytes'>>

export class Script {
  readonly clock = new ManualClock()
  readonly core: Core<unknown>
  readonly store: Store
  /** Such as 'lease 1 ack 3-5', 'settle ack 1-1 back 2-2'. */
  readonly calls: string[] = []
  /** The next calls that fail, by kind. */
  failing: { lease?: Error; settle?: Error } = {}
  /** Milliseconds that the next lease takes. */
  leaseMs = 0
  readonly #owner = {}

  static async with(count: number, limits: Limits = {}): Promise<Script> {
    const script = new Script(await MemoryStore.open('', plainOptions, new ManualClock()), limits)
    await script.put(count)
    return script
  }

  private constructor(store: Store, limits: Limits) {
    this.store = store
    const lease = store.lease.bind(store)
    const settle = store.settle.bind(store)
    store.lease = async (n: number, first: readonly Settlement[] = [], hold?: Hold): Promise<Piece[]> => {
      this.#record('lease', `lease ${n}`, first)
      this.clock.pass(this.leaseMs)
      this.leaseMs = 0
      return lease(n, first, hold)
    }
    store.settle = async (settlements: readonly Settlement[]): Promise<void> => {
      this.#record('settle', 'settle', settlements)
      return settle(settlements)
    }
    const parts = {
      store,
      codec: json,
      clock: this.clock,
      location: 'here',
      maxSize: Infinity,
      maxBytes: Infinity,
      ...defaults,
      ...limits,
    }
    this.core = new Core<unknown>({ ...parts, whenFull: 'wait' }, new WeakRef(this.#owner))
  }

  async put(count: number): Promise<void> {
    const { nextId } = await this.store.stats()
    const items = Array.from({ length: count }, (_, i) => nextId + i)
    await this.store.append(this.core.writer.many(items, true))
    this.core.arrived()
  }

  /** What was asked since the last time. */
  said(): string[] {
    return this.calls.splice(0)
  }

  #record(kind: 'lease' | 'settle', call: string, settlements: readonly Settlement[]): void {
    this.calls.push([call, ...settlements.map(({ outcome, ids }) => `${outcome} ${ids.map(range).join()}`)].join(' '))
    const failure = this.failing[kind]
    delete this.failing[kind]
    if (failure !== undefined) throw failure
  }
}

function range({ from, to }: IdRange): string {
  return `${from}-${to}`
}

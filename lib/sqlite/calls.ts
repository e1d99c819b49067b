// calls.ts: an open queue's calls on its database: how durable each is, who is told of it, and what is waited for at
// the end. A call that takes or counts looks first, every so often, for handles that have died.

import { CorruptionError, QueueClosedError } from '../errors.ts'
import type { Durability, StoreOptions } from '../store.ts'
import type { Watch } from '../wait/changes.ts'
import type { HostTime } from '../wait/host-time.ts'
import { MEMORY } from './connection.ts'
import type { Database } from './database.ts'
import type { Away } from './lapses.ts'
import type { ArgsOf, OpName, ValueOf } from './ops.ts'
import type { Owners } from './owners.ts'
import type { PutResult } from './put-ops.ts'
import type { Recorded } from './schema.ts'
import type { Answered, CallOptions } from './thread.ts'
import { watchDatabase } from './watching.ts'

/** How often the owners of items in flight are looked at. */
const PROBE_MS = 400
/** How soon acknowledgements are synced that nobody waits for. */
const BEHIND_MS = 50

export interface Parts {
  readonly time: HostTime
  /** Which start of the machine this is. */
  readonly boot: string
  readonly options: StoreOptions
  readonly database: Database
  readonly recorded: Recorded
  readonly owners: Owners
  /** Undefined: in memory. */
  readonly file: string | undefined
}

export class Calls {
  /** Milliseconds after which what a call has changed is synced. */
  readonly within: number
  /** The same for what nobody waits for: with 'disk', a little later. */
  readonly behind: number
  readonly #parts: Parts
  #probedAt: number
  #underWay = 0
  #rested: (() => void) | undefined
  #state: 'open' | 'closed' = 'open'
  #isDamageTold = false
  /** Something is in flight, as far as is known. */
  #isFlying = true
  /** When the next delay or lease ends, as far as is known. */
  #dueAt = Infinity

  constructor(parts: Parts) {
    this.#parts = parts
    this.within = withinOf(parts.options.durability)
    this.behind = this.within === 0 ? BEHIND_MS : this.within
    this.#probedAt = parts.time.elapsed()
  }

  /** One that nobody else has to be told of. */
  ask<N extends OpName>(op: N, args: ArgsOf<N>, options: CallOptions = {}): Promise<Answered<ValueOf<N>>> {
    return this.guard(() => this.#parts.database.call(op, args, { within: this.within, ...options }))
  }

  /** One after which there may be items to take, or room. */
  async change<N extends OpName>(op: N, args: ArgsOf<N>, options?: CallOptions): Promise<Answered<ValueOf<N>>> {
    const answer = await this.ask(op, args, options)
    // Who waits, and is told of his own look that found nothing, looks for ever.
    if (!isNothing(answer.value)) this.#parts.database.changed()
    return answer
  }

  watch(changed: () => void): Watch {
    const { database, file } = this.#parts
    const isRestless = (): boolean => this.#isFlying && this.#parts.owners.mayHaveDied()
    const stop = watchDatabase(database, { file, changed, isRestless })
    return Object.assign(stop, { dueInMs: () => this.#dueIn() })
  }

  /** What time alone may change. */
  noted<A extends Away>(away: A): A {
    this.#isFlying = away.flying > 0
    this.#dueAt = this.#parts.time.elapsed() + away.dueInMs
    return away
  }

  /** The room that a put found; undefined: none, and what may be dropped for it later is noted. */
  found(put: ValueOf<'queue.put'>): PutResult | undefined {
    if (put === undefined || 'ids' in put) return put
    this.noted(put.away)
    return undefined
  }

  /** Not above 0 where it has come since the last look, which notes the next. */
  #dueIn(): number {
    return this.#dueAt - this.#parts.time.elapsed()
  }

  /** Tells of the damage that a take met, if any. */
  met({ damaged: lost, damagedBytes: bytes, away }: ValueOf<'queue.pop'>): void {
    const { options, file = MEMORY } = this.#parts
    if (away !== undefined) this.noted(away)
    if (lost > 0) options.events.corruption({ file, offset: 0, bytes, lost })
  }

  get isProbeDue(): boolean {
    const { options, time } = this.#parts
    return options.autoResume && time.elapsed() - this.#probedAt >= PROBE_MS
  }

  async probe(): Promise<void> {
    this.#probedAt = this.#parts.time.elapsed()
    await this.reclaim(this.behind)
  }

  /** What dead handles held is ready again; resolves to how many items that were. */
  async reclaim(within = this.within): Promise<number> {
    const items = await this.guard(() => this.#parts.owners.reclaim(within))
    if (items > 0) this.#parts.database.changed()
    return items
  }

  /** A call: not after the end, which waits for those under way. */
  async guard<R>(call: () => Promise<R>): Promise<R> {
    if (this.#state === 'closed') throw new QueueClosedError()
    this.#underWay += 1
    try {
      return await call()
    } catch (error) {
      if (error instanceof CorruptionError) this.#tellDamage()
      throw error
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#rested?.()
    }
  }

  /** No more calls; resolves when none is under way. */
  async end(): Promise<void> {
    this.#state = 'closed'
    if (this.#underWay === 0) return
    await new Promise<void>((resolve) => {
      this.#rested = resolve
    })
  }

  /** Once: how far it reaches SQLite doesn't say. */
  #tellDamage(): void {
    if (this.#isDamageTold) return
    this.#isDamageTold = true
    const { options, file = MEMORY } = this.#parts
    options.events.corruption({ file, offset: 0, bytes: 0, lost: 0 })
  }
}

/** A call that has changed nothing: no room, nothing there. */
function isNothing(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === undefined || value === 0 || value === false
  if (!('damaged' in value)) return 'away' in value
  return value.damaged === 0 && 'ids' in value && Array.isArray(value.ids) && value.ids.length === 0
}

export function withinOf(durability: Durability): number {
  if (durability === 'disk') return 0
  return durability === 'os' ? Infinity : durability.interval
}

// opening.ts: from a place and its options to an open core. What fails on the way leaves nothing open behind.

import { channel } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import { cutItems } from './codec/cut.ts'
import { type Codec, isCodecName, loadCodec } from './codec/index.ts'
import { Core } from './consume/core.ts'
import { CodecMismatchError, UnsupportedError } from './errors.ts'
import { INDEXED, type Place } from './location.ts'
import type { Settings } from './options.ts'
import type { Cut, Store, StoreEvents, StoreOptions, Waiting } from './store.ts'
import { openedUnlessAborted } from './wait/aborts.ts'
import { systemClock } from './wait/clock.ts'
import { setImmediate } from './wait/timers.ts'

const waits = channel('spoolq:waiting')

/** Throws UnsupportedError for what the store there cannot do; before anything is made. */
export function assertCan<T>({ kind }: Place, { order = 'fifo', unique }: Settings<T>): void {
  if (kind !== 'log') return
  const lacking = order !== 'fifo' ? `order '${order}'` : unique !== false ? 'unique' : undefined
  if (lacking === undefined) return
  throw new UnsupportedError(`${lacking} needs an index, which this store has not: ${INDEXED} have one`)
}

/** Opens the store, and the codec that it records. */
export async function openCore<T>(place: Place, settings: Settings<T>, teller: Teller<T>): Promise<Core<T>> {
  const { signal } = settings
  signal?.throwIfAborted()
  const named = settings.codec === undefined ? undefined : await loadCodec(settings.codec)
  let codec = named
  const cut: Cut = (document, skip, count) => codec && cutItems(codec, document, { skip, count })
  const store = await openStore(place, { ...storeOptions(settings, named?.name, teller), cut })
  try {
    signal?.throwIfAborted()
    codec = named ?? (await recordedCodec<T>(store.codec))
    const core = new Core({ ...settings, store, codec, clock: systemClock, location: teller.location }, teller.owner)
    teller.opened(core)
    return core
  } catch (error) {
    // What it failed of is what is told.
    await store.close().catch(() => {})
    throw error
  }
}

function storeOptions<T>(settings: Settings<T>, codec: string | undefined, events: StoreEvents): StoreOptions {
  const { durability, order, flushLimit, segmentSize, onDamage, autoResume, keepAcked, signal } = settings
  return { durability, codec, order, flushLimit, segmentSize, onDamage, autoResume, keepAcked, events, signal }
}

async function openStore(place: Place, options: StoreOptions): Promise<Store> {
  if (place.kind === 'memory') {
    const { MemoryStore } = await import('./memory/memory-store.ts')
    return MemoryStore.open(place.name, options, systemClock)
  }
  if (place.kind === 'mysql') {
    const { MysqlStore } = await import('./mysql/mysql-store.ts')
    return openedUnlessAborted(MysqlStore.open(place.address, options), options.signal)
  }
  if (place.kind === 'sqlite') {
    const { SqliteStore } = await import('./sqlite/sqlite-store.ts')
    return openedUnlessAborted(SqliteStore.open(place.address, options), options.signal)
  }
  const { LogStore } = await import('./log/log-store.ts')
  return LogStore.open(place.folder, options)
}

function recordedCodec<T>(name: string): Promise<Codec<T>> {
  if (isCodecName(name)) return loadCodec<T>(name)
  throw new CodecMismatchError(`this queue was written with a codec of its own, '${name}': open it with that codec`)
}

/**
 * Passes on what the store tells: to diagnostics_channel, and as events of the queue, those of an opening in the turn
 * after it. It refers to the queue weakly, because stores live until they are closed.
 */
export class Teller<T> implements StoreEvents {
  readonly location: string
  readonly #owner: WeakRef<EventEmitter>
  #core: Core<T> | undefined
  #early: (() => void)[] = []

  constructor(location: string, owner: EventEmitter) {
    this.location = location
    this.#owner = new WeakRef(owner)
  }

  get owner(): WeakRef<EventEmitter> {
    return this.#owner
  }

  opened(core: Core<T>): void {
    this.#core = core
    const early = this.#early
    this.#early = []
    for (const tell of early) tell()
  }

  recovered(report: object): void {
    this.#tell('recovered', report)
  }

  corruption(report: object): void {
    this.#tell('corruption', report)
  }

  flushed(report: object): void {
    this.#tell('flush', report)
  }

  /** At once, also while the queue is being opened: that may be what waits. */
  waiting(report: () => Waiting): void {
    if (waits.hasSubscribers) waits.publish({ location: this.location, ...report() })
  }

  failed(error: Error, work?: 'sync'): void {
    if (this.#core === undefined) this.#early.push(() => this.failed(error, work))
    else if (work === 'sync') this.#core.syncFailed(error)
    else this.#core.publish(error)
  }

  #tell(name: string, report: object): void {
    if (this.#core === undefined) {
      this.#early.push(() => this.#tell(name, report))
      return
    }
    const diagnostics = channel(`spoolq:${name}`)
    if (diagnostics.hasSubscribers) diagnostics.publish({ location: this.location, ...report })
    setImmediate(() => this.#owner.deref()?.emit(name, report))
  }
}

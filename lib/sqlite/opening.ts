// opening.ts: how a queue in a database is opened: the file, the queue's record in it, and a number among its owners.

import { bootId } from '../disk/boot.ts'
import { nodeDisk } from '../disk/node.ts'
import type { StoreOptions } from '../store.ts'
import type { Clock } from '../wait/clock.ts'
import { HostTime } from '../wait/host-time.ts'
import { queueMicrotask } from '../wait/timers.ts'
import type { SqliteAddress } from './address.ts'
import { type Parts, withinOf } from './calls.ts'
import { openDatabase } from './database.ts'
import type { DriverName } from './driver.ts'
import { Owners } from './owners.ts'
import type { DatabaseEvents } from './thread.ts'

export interface World {
  readonly clock: Clock
  /** Which start of the machine this is. Default: as it says. */
  readonly boot?: string | undefined
  /** Which drivers to try. */
  readonly drivers?: readonly DriverName[] | undefined
}

/** Rejects as SqliteStore.open does; then nothing is open. */
export async function openParts(
  { file, queue: name }: SqliteAddress,
  options: StoreOptions,
  { clock, drivers, boot = bootId() }: World,
): Promise<Parts> {
  const { signal, codec, order, flushLimit, onDamage, events } = options
  signal?.throwIfAborted()
  // A sync that failed breaks no promise of a handle that asked for none.
  const isSynced = withinOf(options.durability) < Infinity
  const told: DatabaseEvents = {
    vacuumed: (reclaimed) => events.flushed({ reclaimed }),
    failed: (error, work) => events.failed(error, isSynced ? work : undefined),
  }
  const database = await openDatabase(file, {
    events: told,
    freeBytes: flushLimit,
    drivers,
    isStrict: onDamage === 'fail',
  })
  try {
    signal?.throwIfAborted()
    const within = withinOf(options.durability)
    const { value: recorded } = await database.call('queue.open', { name, codec, order }, { within })
    const time = new HostTime(clock)
    time.adopt((await database.call('host.open', { boot, ...time.fresh() }, { within })).value)
    const owners = await Owners.join({ disk: nodeDisk, database, file: database.file, queue: recorded.id })
    // A full disk is no reason not to open: the next acknowledgement that is kept says it again.
    const trimming = { queue: recorded.id, keep: options.keepAcked ?? 0 }
    await database.call('queue.trim', trimming, { within }).catch((error: Error) => events.failed(error))
    const { damage } = database
    if (damage !== undefined) queueMicrotask(() => events.corruption(damage))
    return { time, boot, options, database, recorded, owners, file: database.file }
  } catch (error) {
    await database.close()
    throw error
  }
}

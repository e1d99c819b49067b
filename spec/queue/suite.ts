// suite.ts: what a user sees, through the public API alone, the same over every store.

import { after, describe } from 'node:test'
import type { QueueOptions } from '../../lib/index.ts'
import { AsyncQueue } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { asides } from './asides.ts'
import { bounding } from './bounding.ts'
import { boundingBytes } from './bounding-bytes.ts'
import { combining } from './combining.ts'
import { consuming } from './consuming.ts'
import { copying } from './copying.ts'
import { delivering } from './delivering.ts'
import { getting } from './getting.ts'
import { limiting } from './limiting.ts'
import { living } from './living.ts'
import { looping } from './looping.ts'
import { mocked } from './mocked.ts'
import { ordering } from './ordering.ts'
import { pairing } from './pairing.ts'
import { picking, refusing } from './picking.ts'
import type { Place } from './place.ts'
import { putting } from './putting.ts'
import { sharing } from './sharing.ts'
import { stopping } from './stopping.ts'
import { streaming } from './streaming.ts'
import { taking } from './taking.ts'
import { uniqueness } from './uniqueness.ts'

/** Where a queue can be, with nothing in it yet. */
export interface QueuePlace {
  readonly location: string
  remove(): Promise<void>
}

/**
 * `indexed`: whether the store declares orders, unique items, update, and leases by id; else the refusals are tried.
 */
export function queueSuite(name: string, makePlace: () => Promise<QueuePlace>, { indexed = true } = {}): void {
  const places: QueuePlace[] = []
  const queues: AsyncQueue[] = []
  const keep = <T>(queue: AsyncQueue<T>): AsyncQueue<T> => {
    queues.push(queue as AsyncQueue)
    return queue
  }
  const place = async (): Promise<Place> => {
    const made = await makePlace()
    places.push(made)
    const { location } = made
    return {
      location,
      open: async <T>(options?: QueueOptions<T>) => keep(await AsyncQueue.open<T>(location, options)),
      start: <T>(options?: QueueOptions<T>) => keep(new AsyncQueue<T>(location, options)),
    }
  }
  after(async () => {
    await Promise.all(queues.map((queue) => queue.close({ grace: 0 }).catch(() => {})))
    for (const made of places) await made.remove()
  })
  describe(`${name}: the queue`, () => {
    putting(place)
    bounding(place)
    boundingBytes(place)
    taking(place)
    getting(place)
    looping(place)
    delivering(place)
    limiting(place)
    consuming(place)
    copying(place)
    sharing(place)
    streaming(place)
    stopping(place)
    living(place, indexed)
    mocked(place)
    const triesAbove = CHECK || name === 'memory'
    pairing(place, ({ isIndexed, isAbove }) => (indexed || !isIndexed) && (triesAbove || !isAbove))
    if (indexed) {
      ordering(place)
      uniqueness(place)
      picking(place)
      combining(place)
      asides(place)
    } else refusing(place)
  })
}

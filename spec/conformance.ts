// conformance.ts: what every store does, in one suite that each store's spec runs: `conformance` at the seam (bytes,
// ids, states), `queueSuite` through the public API. Their parts are in spec/store and spec/queue.

import assert from 'node:assert/strict'
import { after, describe } from 'node:test'
import { defaults } from '../lib/options.ts'
import type { Store, StoreOptions } from '../lib/store.ts'
import { putting } from './store/putting.ts'
import { looking, settling } from './store/settling.ts'
import { reopening, sharing } from './store/sharing.ts'
import { leasing, taking } from './store/taking.ts'
import { type Place, wordByWord } from './store/words.ts'

export { queueSuite } from './queue/suite.ts'

/** A place where a queue can be, with nothing in it yet. */
export interface StorePlace {
  open(options: StoreOptions): Promise<Store>
  remove(): Promise<void>
}

export function conformance(name: string, makePlace: () => Promise<StorePlace>): void {
  const places: StorePlace[] = []
  const stores: Store[] = []
  const place = async (): Promise<Place> => {
    const made = await makePlace()
    places.push(made)
    return {
      open: async (options = {}) => {
        const store = byItem(await made.open({ ...plain, ...options }))
        stores.push(store)
        return store
      },
    }
  }
  after(async () => {
    for (const store of stores) await store.close().catch(() => {})
    for (const made of places) await made.remove()
  })
  describe(`${name}: a store`, () => {
    putting(place)
    taking(place)
    leasing(place)
    settling(place)
    sharing(place)
    looking(place)
    reopening(place)
  })
}

/** Documents of several words are for the stores that have such; the others get one a word, as the queue would do it. */
function byItem(store: Store): Store {
  if (store.supports.documents) return store
  const append = store.append.bind(store)
  store.append = (documents, options) => append(documents.flatMap(wordByWord), options)
  return store
}

const plain: StoreOptions = {
  durability: 'os',
  codec: 'json',
  order: 'fifo',
  flushLimit: defaults.flushLimit,
  segmentSize: defaults.segmentSize,
  onDamage: 'skip',
  autoResume: true,
  events: { recovered() {}, corruption() {}, flushed() {}, failed: (error) => assert.fail(error) },
}

// lmdb.ts: beside 'os' without syncs and synchronous, which is its fastest; beside 'disk' its default, transactions that
// gather what comes meanwhile, each call awaiting `flushed`.

import { join } from 'node:path'
import { asyncTasks, type Contender, type Place, syncTasks } from '../contender.ts'
import type { Item } from '../items.ts'
import { load } from './find.ts'

interface Pair {
  readonly key: number
  readonly value: Item
}

interface Lmdb {
  readonly flushed: Promise<unknown>
  put(key: number, item: Item): Promise<boolean>
  putSync(key: number, item: Item): void
  remove(key: number): Promise<boolean>
  removeSync(key: number): void
  getRange(range: { start: number; limit: number }): Iterable<Pair>
  transaction<R>(work: () => R): Promise<R>
  transactionSync<R>(work: () => R): R
  close(): Promise<void>
}

function openLmdb({ folder, durability, payload, warming = false }: Place): Lmdb {
  const { open }: { open(options: object): Lmdb } = load('lmdb')
  const path = join(folder, 'queue.mdb')
  return open({ path, noSync: warming || durability === 'os', encoding: payload === 'M' ? 'binary' : 'msgpack' })
}

class Ends {
  /** The key before the first one, and the last one. */
  head = 0
  tail = 0
}

const fast = (lmdb: Lmdb, ends: Ends) => {
  const popMany = (count: number): Item[] =>
    lmdb.transactionSync(() => {
      const items: Item[] = []
      for (const { key, value } of lmdb.getRange({ start: ends.head + 1, limit: count })) {
        items.push(value)
        lmdb.removeSync(key)
        ends.head = key
      }
      return items
    })
  return syncTasks({
    put: (item) => lmdb.putSync(++ends.tail, item),
    putMany: (items) =>
      lmdb.transactionSync(() => {
        for (const item of items) lmdb.putSync(++ends.tail, item)
      }),
    pop: () => popMany(1)[0],
    popMany,
  })
}

const safe = (lmdb: Lmdb, ends: Ends) => {
  const popMany = async (count: number): Promise<Item[]> => {
    const items = await lmdb.transaction(() => {
      const found: Item[] = []
      for (const { key, value } of lmdb.getRange({ start: ends.head + 1, limit: count })) {
        found.push(value)
        lmdb.remove(key)
        ends.head = key
      }
      return found
    })
    await lmdb.flushed
    return items
  }
  return asyncTasks({
    put: async (item) => {
      await lmdb.put(++ends.tail, item)
      await lmdb.flushed
    },
    putMany: async (items) => {
      await Promise.all(items.map((item) => lmdb.put(++ends.tail, item)))
      await lmdb.flushed
    },
    pop: async () => (await popMany(1))[0],
    popMany,
  })
}

export const lmdb: Contender = {
  name: 'lmdb',
  kind: 'peer',
  open(place) {
    const opened = openLmdb(place)
    const tasks = place.durability === 'os' ? fast(opened, new Ends()) : safe(opened, new Ends())
    return { tasks, close: () => opened.close() }
  },
}

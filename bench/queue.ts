// queue.ts: the tasks as a user of this package writes them.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AsyncQueue } from '../lib/index.ts'
import { asyncTasks, BATCH, type Contender, inNoOrder, produce, type Run, type Tasks } from './contender.ts'
import { groupsOf, type Item } from './items.ts'

export const queue: Contender = {
  name: 'spoolq',
  kind: 'queue',
  async open({ folder, durability, warming }) {
    const opened = await AsyncQueue.open<Item>(folder, { durability: warming ? 'os' : durability })
    return { tasks: tasksOf(opened), close: () => opened.close() }
  },
}

export function tasksOf(queue: AsyncQueue<Item>): Tasks {
  return {
    ...asyncTasks({
      put: (item) => queue.put(item),
      putMany: (items) => queue.putMany(items),
      pop: () => queue.pop(),
      popMany: (count) => queue.pop(count),
    }),
    put: async ({ items }) => {
      for (const item of items) await queue.put(item)
    },
    'puts at once': async ({ items }) => {
      for (const group of groupsOf(items, BATCH)) await Promise.all(group.map((item) => queue.put(item)))
    },
    producers: ({ items }) => produce(items, { put: (item) => queue.put(item) }),
    pop: async ({ items, seen }) => {
      for (let at = 0; at < items.length; at++) seen.see(await queue.pop())
    },
    'for await': async ({ seen }) => {
      for await (const item of queue.items({ wait: false })) seen.see(item)
    },
    'pipeline in': ({ items }) => pipeline(Readable.from(items), queue.createWriteStream()),
    'pipeline out': ({ seen }) => pipeline(queue.createReadStream({ wait: false }), sink(seen.see)),
    lease: (run) => leased(queue, run),
  }
}

export function sink(see: (item: Item) => void): Writable {
  return new Writable({
    objectMode: true,
    write(item, _, done) {
      see(item)
      done()
    },
  })
}

/** A thousand in flight, acknowledged in an order that is none. */
async function leased(queue: AsyncQueue<Item>, { items, seen }: Run): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) {
    const deliveries = await queue.lease(BATCH)
    for (const { item } of deliveries) seen.see(item)
    await Promise.all(inNoOrder(deliveries).map((delivery) => delivery.ack()))
  }
}

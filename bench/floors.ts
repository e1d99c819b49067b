// floors.ts: who does the tasks with the barest code. One of them is 'the floor' of a workload; the others show what one
// choice costs: an item at a time instead of one message, a sync that blocks, a file filled ahead.

import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  BATCH,
  type Contender,
  type Opened,
  type Place,
  produce,
  type Run,
  type Task,
  type Tasks,
} from './contender.ts'
import { Floor, type Syncing } from './floor.ts'
import { groupsOf, type Item } from './items.ts'
import { sink } from './queue.ts'

// More than any run here writes in single records.
const FILLED_AHEAD = 16 << 20

const tasks = (floor: Floor, place: Place): Tasks => ({
  put: async ({ items }) => {
    for (const item of items) {
      floor.one(item)
      if (place.durability === 'disk') await floor.sync()
    }
  },
  putMany: async ({ items }) => {
    for (const group of groupsOf(items, BATCH)) {
      floor.batch(group)
      if (place.durability === 'disk') await floor.sync()
    }
  },
  'puts at once': async ({ items }) => {
    for (const group of groupsOf(items, BATCH)) await Promise.all(group.map((item) => floor.gather(item)))
  },
  producers: ({ items }) => produce(items, { put: (item) => floor.gather(item) }),
  pop: async ({ items, seen }) => {
    for (let at = 0; at < items.length; at++) {
      seen.see(floor.nextOne())
      floor.moved()
      if (place.durability === 'disk') await floor.syncPlace()
    }
  },
  'pop(100)': (run) => popGroups(floor, run, 100),
  'pop(1000)': (run) => popGroups(floor, run, BATCH),
  'for await': async ({ items, seen }) => {
    for await (const item of each(floor, items.length)) seen.see(item)
  },
  pairs: ({ items, seen }) => {
    for (const item of items) {
      floor.one(item)
      seen.see(floor.nextOne())
      floor.moved()
    }
  },
  stream: ({ items, seen }) => {
    for (const group of groupsOf(items, BATCH)) {
      floor.batch(group)
      seen.seeAll(floor.nextBatch())
      floor.moved()
    }
  },
  'pipeline in': ({ items }) =>
    pipeline(
      Readable.from(items),
      sink((item) => void floor.piped.push(item)),
    ),
  'pipeline out': ({ items, seen }) => pipeline(Readable.from(items), sink(seen.see)),
})

function popGroups(floor: Floor, { items, seen }: Run, size: number): void {
  let batch: Item[] = []
  let at = 0
  for (let taken = 0; taken < items.length; taken += size) {
    if (at === batch.length) {
      batch = floor.nextBatch()
      at = 0
    }
    seen.seeAll(batch.slice(at, at + size))
    at += size
    floor.moved()
  }
}

async function* each(floor: Floor, count: number): AsyncGenerator<Item> {
  for (let given = 0; given < count; ) {
    const batch = floor.nextBatch()
    yield* batch
    given += batch.length
    floor.moved()
  }
}

type Open = (place: Place) => Opened

const opening =
  (syncing: Syncing, tasksOf: (floor: Floor, place: Place) => Tasks): Open =>
  (place) => {
    const syncs = place.durability === 'disk' && !place.warming
    const floor = new Floor(join(place.folder, 'floor'), syncs ? syncing : 'never')
    return {
      tasks: tasksOf(floor, place),
      takeAll: (run) => takeAll(floor, run),
      close: () => floor.close(),
    }
  }

/** That task alone, where there are syncs. */
const only = (task: Task) => (floor: Floor, place: Place) =>
  place.durability === 'disk' ? { [task]: tasks(floor, place)[task] } : {}

function takeAll(floor: Floor, { items, seen }: Run): void {
  let count = floor.piped.length
  for (seen.seeAll(floor.piped.splice(0)); count < items.length; ) {
    const found = floor.nextAny()
    seen.seeAll(found)
    count += found.length
  }
}

const itemByItem = (floor: Floor): Tasks => ({
  putMany: ({ items }) => {
    for (const group of groupsOf(items, BATCH)) floor.group(group)
  },
})

const filledAhead = (floor: Floor, place: Place): Tasks => {
  floor.fillAhead(FILLED_AHEAD)
  return only('put')(floor, place)
}

/** The floor of every workload. */
export const floor: Contender = { name: 'floor', kind: 'floor', open: opening('in the pool', tasks) }

export const otherFloors: readonly Contender[] = [
  { name: 'floor, item by item', kind: 'floor', open: opening('in the pool', itemByItem) },
  { name: 'floor, blocking sync', kind: 'floor', open: opening('blocking', only('put')) },
  { name: 'floor, filled ahead', kind: 'floor', open: opening('in the pool', filledAhead) },
]

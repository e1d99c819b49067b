// crowd-worker.ts: one of a crowd of processes that do all there is to do with one queue, in random order, until it is
// told to end or is killed. It tells its parent before and after each thing that matters, as [word, …stamps]:
//
//      try      about to be put          put      were put
//      maybe    about to be settled      gone     acknowledged for good
//      wrong    what must not be, in words

import { AsyncQueue, type Delivery, type QueueOptions, SettledError, StorageError } from '../../lib/index.ts'
import { randomFrom } from '../process/random.ts'

export interface Stamped {
  readonly stamp: string
  readonly key: number
  readonly filling: string
}

const [url = '', words = '{}', name = '', seed = '1'] = process.argv.slice(2)
const { isUnique, order }: { isUnique: boolean; order: 'fifo' | 'lifo' | 'priority' } = JSON.parse(words)
const next = randomFrom(Number(seed))
const below = (n: number): number => Math.floor(next() * n)
const options: QueueOptions<Stamped> = { order, ...(isUnique && { unique: ({ key }) => `${key}` }) }
const queue = await AsyncQueue.open<Stamped>(url, options)
const held: Delivery<Stamped>[] = []
let state: 'working' | 'ending' = 'working'
let count = 0
process.on('message', () => {
  state = 'ending'
})

function say(...said: string[]): Promise<void> {
  return new Promise((resolve) => process.send?.(said, () => resolve()))
}

function item(): Stamped {
  count += 1
  return { stamp: `${name}.${count}`, key: below(60), filling: 'x'.repeat(below(200)) }
}

async function put(): Promise<void> {
  const items = Array.from({ length: 1 + below(5) }, item)
  await say('try', ...items.map(({ stamp }) => stamp))
  const how = order === 'priority' ? { priority: below(4) } : {}
  if (items.length === 1 && items[0] !== undefined) {
    const delay = below(3) * 20
    const id = await queue.put(items[0], { ...how, delay })
    if (id !== undefined) await say('put', items[0].stamp)
    return
  }
  const ids = await queue.putMany(items, how)
  if (ids.every((id) => id !== undefined)) await say('put', ...items.map(({ stamp }) => stamp))
}

async function lease(): Promise<void> {
  const got = await queue.lease(1 + below(6))
  held.push(...got)
}

async function leaseAfter(): Promise<void> {
  const got = await queue.lease({ after: below(500) })
  if (got !== undefined) held.push(got)
}

async function settle(): Promise<void> {
  const [delivery] = held.splice(below(held.length), 1)
  if (delivery === undefined) return
  const { stamp } = delivery.item
  const way = below(10)
  if (way === 0) await delivery.nack()
  else if (way === 1) await delivery.nack(order === 'lifo' ? {} : { to: 'back' })
  else if (way === 2) await delivery.nack({ delay: 10 })
  else if (way === 3) await delivery.fail('for a change')
  else if (way === 4) {
    await queue.update(delivery.id, { ...delivery.item, filling: 'y'.repeat(below(400)) })
    held.push(delivery)
  } else {
    await say('maybe', stamp)
    await delivery.ack()
    await say('gone', stamp)
  }
}

const deeds = [put, put, lease, lease, leaseAfter, settle, settle, settle, settle, settle, () => queue.retry()]
await say('open')
while (state === 'working') {
  try {
    await deeds[below(deeds.length)]?.()
  } catch (error) {
    if (!(error instanceof StorageError || error instanceof SettledError)) await say('wrong', String(error))
  }
}
await queue.close()
process.disconnect()

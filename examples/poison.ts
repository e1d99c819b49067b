// poison.ts: an item that no handler can digest ends among the failed, with the rest flowing on; after a fix it is retried.
//
//   node dist/examples/poison.js [folder]

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AsyncQueue } from '../lib/index.ts'
import { place } from './place.ts'

interface Order {
  readonly number: number
  readonly amount: string
}

const options = { maxAttempts: 3 }
const queue = await AsyncQueue.open<Order>(join(place(process.argv[2]), 'orders'), options)
const orders = ['12.50', '7', '1.200,00', '99.95'].map((amount, i) => ({ number: i + 1, amount }))
await queue.putMany(orders)

const booked = new Map<number, number>()
const retry = { minDelay: 10 }

// The first version of the handler knows no comma.
function bookPlain({ number, amount }: Order): void {
  if (Number.isNaN(Number(amount))) throw new RangeError(`order ${number}: '${amount}' is no amount`)
  booked.set(number, Number(amount))
}

const first = await queue.consume(([order]) => order && bookPlain(order), { retry, wait: false })
console.log(`${first.acked} orders booked, ${first.failed} failed after ${options.maxAttempts} deliveries each`)
for (const { id, item, reason, attempt } of await queue.list({ status: 'failed' })) {
  console.log(`  ${id}: delivered ${attempt} times, ${reason}`, item)
}
assert.deepEqual([...booked.keys()], [1, 2, 4])

// The second one does. What had failed is ready again, its attempts at 0.
function bookLocal({ number, amount }: Order): void {
  const plain = amount.includes(',') ? amount.replaceAll('.', '').replace(',', '.') : amount
  bookPlain({ number, amount: plain })
}

console.log(`${await queue.retry()} order is retried`)
await queue.consume(([order]) => order && bookLocal(order), { retry, wait: false })

assert.equal(booked.get(3), 1200)
assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
await queue.close()
console.log('Every order is booked, and none is left.')

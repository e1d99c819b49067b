// quick-start.ts: put, close, open again, take.
//
//   node dist/examples/quick-start.js [folder]

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AsyncQueue } from '../lib/index.ts'
import { place } from './place.ts'

interface Reading {
  readonly sensor: number
  readonly celsius: number
}

const location = join(place(process.argv[2]), 'readings')

const queue = await AsyncQueue.open<Reading>(location)
await queue.put({ sensor: 7, celsius: 21.5 }) // resolved: it is safe on disk
await queue.putMany([
  { sensor: 7, celsius: 21.7 },
  { sensor: 9, celsius: -3.25 },
]) // one batch: all of it or nothing
await queue.close()

// Another day, another process: what was put is still there, in order.
const again = await AsyncQueue.open<Reading>(location)
console.log(`${await again.size()} readings are waiting; the first is`, await again.peek())

const taken: Reading[] = []
for await (const reading of again.items({ wait: false })) {
  console.log('took', reading) // it is removed when this body is done and the next one is asked for
  taken.push(reading)
}

assert.deepEqual(
  taken.map(({ celsius }) => celsius),
  [21.5, 21.7, -3.25],
)
assert.equal(await again.size(), 0)
await again.close()
console.log('All taken, in order, and the queue is empty.')

// soak-worker.ts: a producer or a consumer of the soak: node soak-worker.js <arguments as JSON>, until it is killed.

import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'

export interface Soaking {
  readonly folder: string
  readonly options: Pick<QueueOptions, 'durability' | 'segmentSize' | 'flushLimit'>
  readonly role: 'produce' | 'consume'
  readonly producer: number
  readonly batch: number
}

/** Numbers of one producer. */
const SPAN = 100_000_000
const MOST_WAITING = 100_000
/** Batches. */
const BURST = 40
const BETWEEN_MS = 400

const { folder, options, role, producer, batch }: Soaking = JSON.parse(process.argv[2] ?? '{}')
const queue = await AsyncQueue.open<number>(folder, { ...options, maxSize: MOST_WAITING })
if (role === 'produce') {
  for (let from = producer * SPAN, count = 1; ; from += batch, count++) {
    await queue.putMany(Array.from({ length: batch }, (_, i) => from + i))
    tell(`kept ${from} ${from + batch - 1}`)
    // In bursts: consumers are behind, and then wait.
    if (count % BURST === 0) await pause(BETWEEN_MS)
  }
}
for await (const items of queue.batches(batch)) {
  let [from = 0] = items
  let to = from - 1
  for (const number of items) {
    if (number !== to + 1) {
      tell(`done ${from} ${to}`)
      from = number
    }
    to = number
  }
  tell(`done ${from} ${to}`)
}

function tell(line: string): void {
  writeSync(1, `${line}\n`)
}

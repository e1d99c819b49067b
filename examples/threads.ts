// threads.ts: several worker threads put into one queue while several others take from it, with acknowledgements. Each
// thread opens the queue for itself; each item goes to one of them, and comes back if that one doesn't settle it.
//
//   node dist/examples/threads.js [folder]

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { AsyncQueue } from '../lib/index.ts'
import { place } from './place.ts'

interface Picture {
  readonly name: string
  readonly pixels: number
}

const each = 250
const producers = ['north', 'east', 'south']
const consumers = 4

if (isMainThread) await main(join(place(process.argv[2]), 'pictures'))
else await (workerData.producer ? produce(workerData) : consume(workerData))

async function produce({ location, producer }: { location: string; producer: string }): Promise<void> {
  await using queue = await AsyncQueue.open<Picture>(location, { maxSize: 100 }) // waits where the others are behind
  for (let n = 1; n <= each; n++) await queue.put({ name: `${producer} ${n}`, pixels: n * 1000 })
}

async function consume({ location }: { location: string }): Promise<void> {
  const queue = await AsyncQueue.open<Picture>(location)
  parentPort?.once('message', () => queue.close())
  for await (const delivery of queue.deliveries()) {
    // Every seventh is not done at the first try, and comes again: to whichever thread asks for one.
    if (delivery.item.pixels % 7000 === 0 && delivery.attempt === 1) {
      await delivery.nack({ delay: 5 })
      continue
    }
    parentPort?.postMessage(delivery.item.name)
    await delivery.ack()
  }
}

async function main(location: string): Promise<void> {
  const program = new URL(import.meta.url)
  const start = (data: object): Worker => new Worker(program, { workerData: { location, ...data } })
  await using queue = await AsyncQueue.open<Picture>(location)

  const done: string[] = []
  const share: number[] = []
  const taking = Array.from({ length: consumers }, (_, i) => {
    share[i] = 0
    const worker = start({})
    return worker.on('message', (name: string) => {
      share[i] = (share[i] ?? 0) + 1
      done.push(name)
    })
  })
  await Promise.all(producers.map((producer) => once(start({ producer }), 'exit')))
  await queue.join()
  for (const worker of taking) worker.postMessage('end')
  await Promise.all(taking.map((worker) => once(worker, 'exit')))

  console.log(
    `${done.length} pictures of ${producers.length} threads, done by ${consumers} others: ${share.join(', ')}`,
  )
  const all = producers.flatMap((producer) => Array.from({ length: each }, (_, i) => `${producer} ${i + 1}`))
  assert.deepEqual(done.toSorted(), all.toSorted())
  console.log('Every picture is done once.')
}

// device.ts: the tracker's device, started by life.ts. Two loops share one queue: one puts what the sensor reads, the
// other uploads what waits. Either may be cut off at any moment, with the whole process.
//
//   node dist/examples/tracker/device.js <file> <queue> <url> <readings a second>

import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AsyncQueue } from '../../lib/index.ts'
import { type Reading, readings } from './reading.ts'

const [file = '', location = '', url = '', pace = ''] = process.argv.slice(2)
const tickMs = 10
const perTick = Math.max(1, Math.round((Number(pace) * tickMs) / 1000))
const perUpload = Math.max(50, perTick * 10)

const orphaned = () => process.exit(1) // the program that started us is gone
process.on('disconnect', orphaned)
const queue = await AsyncQueue.open<Reading>(location)
await Promise.all([record(), upload()])
await queue.close()
process.off('disconnect', orphaned).disconnect()

/** Puts each reading of the file once, also where an earlier life of this process put the first of them. */
async function record(): Promise<void> {
  const done = await alreadyPut()
  let batch: Reading[] = []
  for await (const reading of readings(createReadStream(file))) {
    if (reading.number <= done) continue
    batch.push(reading)
    if (batch.length < perTick) continue
    await put(batch)
    batch = []
    await sleep(tickMs)
  }
  if (batch.length > 0) await put(batch)
  queue.end() // no more will come: the upload ends when nothing is left
}

/**
 * How many readings the queue has been given, whether they wait or not. Each is one item, and ids are given in order,
 * so the next id tells; the queue has made it as durable as the items. Only a power cut makes ids jump, by 2^32: then
 * the file is read from its start, and the server leaves out what it has.
 */
async function alreadyPut(): Promise<number> {
  const { nextId } = await queue.stats()
  const put = nextId - 1
  return put < 2 ** 32 ? put : 0
}

async function put(batch: readonly Reading[]): Promise<void> {
  await queue.putMany(batch)
  process.send?.(batch.at(-1)?.number)
}

/** A batch is acknowledged when the next one is asked for: only after the server has it. */
async function upload(): Promise<void> {
  for await (const batch of queue.batches(perUpload, { maxWait: 20 })) {
    for (let pause = 10; !(await sent(batch)); pause = Math.min(2 * pause, 250)) await sleep(pause)
  }
}

async function sent(batch: readonly Reading[]): Promise<boolean> {
  try {
    const body = JSON.stringify(batch)
    const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(500) })
    return response.ok
  } catch {
    return false // no network, or no answer in time: it comes again
  }
}

// upload.ts: upload, then pop. A batch leaves the queue only after the server has said that it has it, however often
// the server goes down in between.
//
//   node dist/examples/upload.js [folder]
//
// This way needs to be the only consumer of its queue. Several share one through `queue.batches(…)`.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { AsyncQueue } from '../lib/index.ts'
import { listen, shut } from './local.ts'
import { place } from './place.ts'

interface Measurement {
  readonly number: number
  readonly pascal: number
}

const total = 1000
const queue = await AsyncQueue.open<Measurement>(join(place(process.argv[2]), 'measurements'))
await queue.putMany(Array.from({ length: total }, (_, i) => ({ number: i + 1, pascal: 101_325 + (i % 90) })))

const received: number[] = []
let outages = 0
let failures = 0
const { url, stop } = await unsteadyServer()

for (let batch = await queue.peek(40); batch.length > 0; batch = await queue.peek(40)) {
  for (let pause = 10; !(await uploaded(batch)); pause = Math.min(2 * pause, 200)) await sleep(pause)
  await queue.delete(batch.length) // only now
}

await stop()
console.log(`${received.length} measurements received through ${outages} outages, ${failures} failed tries`)
assert.equal(await queue.size(), 0)
assert.deepEqual(
  received,
  Array.from({ length: total }, (_, i) => i + 1),
)
assert.ok(outages >= 3 && failures >= outages)
await queue.close()
console.log('The server has every measurement, in order.')

async function uploaded(batch: readonly Measurement[]): Promise<boolean> {
  try {
    const body = JSON.stringify(batch)
    const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(10_000) })
    if (response.ok) return true
  } catch {
    // No connection: to the queue it is all one.
  }
  failures++
  return false
}

/** A server that goes down after each seventh batch, in the middle of its work, and comes back a little later. */
async function unsteadyServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  let batches = 0
  const server = createServer(async (request, response) => {
    const batch: readonly Measurement[] = JSON.parse(await text(request))
    if (++batches % 8 === 0) return goDown()
    received.push(...batch.map(({ number }) => number))
    response.writeHead(204).end()
  })
  const goDown = () => {
    outages++
    console.log(`${String(received.length).padStart(5)} received, and the server goes down`)
    server.close(() => setTimeout(() => server.listen(port, '127.0.0.1'), 100))
    server.closeAllConnections()
  }
  const { port, url } = await listen(server)
  return { url, stop: () => shut(server) }
}

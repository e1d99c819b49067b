// rest.spec.ts: a soak of one process over the log: rounds of everything that is done to a queue, after each of which
// nothing is left in it. Then nothing is left of them elsewhere: descriptors, files and bytes of each folder, the heap and
// the memory outside it stay what they were when the first rounds were over.
//
// A process of its own: it counts what the process has open, and how much memory it takes.

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { it, type TestContext } from 'node:test'
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AsyncQueue, type Durability } from '../../lib/index.ts'
import { CHECK, counting, notTried } from '../layers.ts'
import { turns } from '../queue/place.ts'
import { newFolder } from './workers.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Rounds before anything is compared, and those after. */
const [WARM, ROUNDS] = CHECK ? [100, 120] : [3, 8]
const LOOKS = CHECK ? 4 : 1
const PAD = 'x'.repeat(100)
const KEPT = 10
/**
 * What the last look may see more than the first: code that was compiled late is a part of the heap, Node makes its small
 * buffers in slabs, and the segments that the log passed in the last five seconds are remembered.
 */
const SLACK: Look = {
  descriptors: 0,
  files: 0,
  bytes: 64,
  objects: CHECK ? 100 : 32,
  heap: 2 << 20,
  external: 64 << 10,
}

interface Item {
  readonly n: number
  readonly pad: string
}

type Queue = AsyncQueue<Item>

function items(count: number): Item[] {
  return Array.from({ length: count }, (_, n) => ({ n, pad: PAD }))
}

async function settleInAllWays(queue: Queue): Promise<void> {
  const deliveries = await queue.lease(60)
  assert.equal(deliveries.length, 60)
  await Promise.all(
    deliveries.map((delivery, i) => {
      if (i % 6 === 0) return delivery.nack()
      if (i % 6 === 1) return delivery.nack({ to: 'back' })
      if (i % 6 === 2) return delivery.nack({ delay: 1 })
      return i % 6 < 5 ? delivery.fail('for the soak') : delivery.ack()
    }),
  )
  const { failed } = await queue.counts()
  assert.equal(failed, 20)
  const listed = await queue.list({ status: 'failed', limit: 20 })
  await queue.retry(listed.slice(0, 7).map(({ id }) => id))
  await queue.discard()
}

async function takeInAllWays(queue: Queue): Promise<void> {
  await queue.pop(20)
  let taken = 0
  for await (const _ of queue) if (++taken === 20) break
  for await (const _ of queue.createReadStream()) if (++taken === 40) break
  const stop = new AbortController()
  const consumed = await queue.consume(
    async (batch) => {
      taken += batch.length
      if (taken >= 60) stop.abort()
    },
    { batch: 5, signal: stop.signal },
  )
  assert.ok(consumed, 'a consumer that was stopped')
  const sink = new Writable({ objectMode: true, write: (_item, _encoding, done) => setImmediate(done) })
  await pipeline(queue.createReadStream({ wait: false }), sink)
}

async function round(queue: Queue): Promise<void> {
  await Promise.all(items(50).map((item) => queue.put(item)))
  await queue.putMany(items(150))
  await pipeline(items(20), queue.createWriteStream())
  await settleInAllWays(queue)
  await takeInAllWays(queue)
  while ((await queue.size()) > 0) {
    await queue.pop(1000)
    await turns(1)
  }
  const { acked, ...others } = await queue.counts()
  assert.deepEqual([acked, others], [KEPT, { ready: 0, delayed: 0, inFlight: 0, failed: 0 }])
  await queue.flush()
}

interface Look {
  readonly descriptors: number
  readonly files: number
  readonly bytes: number
  readonly objects: number
  readonly heap: number
  readonly external: number
}

async function look(folder: string): Promise<Look> {
  await turns()
  collect()
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const bytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  const objects = queryObjects(Object, { format: 'count' })
  const { heapUsed, external } = process.memoryUsage()
  const descriptors = readdirSync('/proc/self/fd').length
  return { descriptors, files: names.length, bytes, objects, heap: heapUsed, external }
}

function assertFlat(looks: readonly Look[]): void {
  const [first, last] = [looks[0], looks.at(-1)]
  assert.ok(first && last)
  for (const key of ['descriptors', 'files', 'bytes', 'objects', 'heap', 'external'] as const) {
    assert.ok(last[key] <= first[key] + SLACK[key], `${key}: ${looks.map((each) => each[key]).join(' ')}`)
  }
}

/** How many rounds there were. */
async function soak(t: TestContext, durability: Durability): Promise<number> {
  const folder = join(newFolder(t, 'rest'), 'queue')
  const options = { durability, segmentSize: 32 << 10, flushLimit: 32 << 10, keepAcked: KEPT }
  await using queue = await AsyncQueue.open<Item>(folder, options)
  for (let i = 0; i < WARM; i++) await round(queue)
  const looks = [await look(folder)]
  for (let i = 1; i <= ROUNDS; i++) {
    await round(queue)
    if (i % (ROUNDS / LOOKS) === 0) looks.push(await look(folder))
  }
  t.diagnostic(JSON.stringify([looks[0], looks.at(-1)]))
  assertFlat(looks)
  return WARM + ROUNDS
}

it('the queue ends each round as it began, in files, descriptors and memory', async (t) => {
  if (process.platform !== 'linux') return notTried(t, 'rounds that leave nothing', 'it looks into /proc')
  const counted = counting(t, 'rounds that leave nothing')
  let rounds = 0
  for (const durability of CHECK ? (['disk', 'os', { interval: 20 }] as const) : (['os'] as const)) {
    rounds += await soak(t, durability)
  }
  counted(rounds)
})

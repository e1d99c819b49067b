// full-ways.spec.ts: every way of taking, settling and closing, on a real disk without a byte left, with every option that
// writes. None may reject but what has to write items anew.
// A process of its own: it mounts disks.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { it } from 'node:test'
import { AsyncQueue, type QueueOptions, StorageError } from '../../lib/index.ts'
import { CHECK, counting, notTried } from '../layers.ts'

const isPossible = process.platform === 'linux' && process.getuid?.() === 0
const SMALL_ITEMS = 60
/** Tried each time, with the first of the options. */
const FEW = ['pop', 'nack at the last attempt', 'items', 'consume', 'stream', 'reopened']

type Item = { readonly n: number; readonly pad: string }
type Queue = AsyncQueue<Item>
type Reopen = () => Promise<Queue>

async function times(count: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) assert.notEqual(await call(), undefined)
}

/** Each takes items that were put first, and checks that it got them. */
const ways: Record<string, (queue: Queue, reopen: Reopen) => Promise<unknown>> = {
  pop: (queue) => times(30, () => queue.pop()),
  'pop(n)': async (queue) => assert.equal((await queue.pop(30)).length, 30),
  get: (queue) => times(30, () => queue.get({ timeout: 1000 })),
  'get(n)': async (queue) => assert.equal((await queue.get(30, { min: 9 })).length, 30),
  delete: async (queue) => assert.equal(await queue.delete(30), 30),
  clear: async (queue) => assert.ok((await queue.clear()) >= SMALL_ITEMS),
  ack: (queue) => times(30, async () => (await queue.lease())?.ack().then(() => true)),
  nack: async (queue) => {
    for (const delivery of await queue.lease(20)) await delivery.nack()
    assert.equal((await queue.pop())?.n, 0)
  },
  'nack, delayed': async (queue) => {
    for (const delivery of await queue.lease(20)) await delivery.nack({ delay: 1e9 })
    assert.equal((await queue.counts()).delayed, 20)
  },
  'nack at the last attempt': async (queue) => {
    for (let round = 0; round < 4; round++) for (const delivery of await queue.lease(3)) await delivery.nack()
    await times(9, () => queue.pop())
  },
  // They write anew: rejected or not, nothing is lost by it.
  'to the back, fail': async (queue) => {
    for (const delivery of await queue.lease(4)) {
      const settled = delivery.id % 2 ? delivery.nack({ to: 'back' }) : delivery.fail('spoilt')
      const error = await settled.catch((failure: unknown) => failure)
      if (error !== undefined) assert.ok(error instanceof StorageError)
      if (error !== undefined) await delivery.nack()
    }
    await queue.retry().catch((error: unknown) => assert.ok(error instanceof StorageError))
  },
  items: async (queue) => {
    let n = 0
    for await (const item of queue.items({ wait: false })) {
      assert.equal(item.n, n)
      n += 1
      if (n === 30) break
    }
  },
  batches: async (queue) => {
    let n = 0
    for await (const items of queue.batches(10, { wait: false })) {
      n += items.length
      if (n >= 30) break
    }
    assert.ok(n >= 30)
  },
  deliveries: async (queue) => {
    let n = 0
    for await (const delivery of queue.deliveries({ wait: false })) {
      await delivery.ack()
      if (++n === 30) break
    }
  },
  consume: async (queue) => {
    const stop = new AbortController()
    let n = 0
    const handler = () => {
      if (++n === 30) stop.abort()
      if (n % 5 === 0) throw new Error('once')
    }
    const retry = { attempts: 2, minDelay: 1, maxDelay: 2 }
    const { acked } = await queue.consume(handler, { signal: stop.signal, wait: false, retry })
    assert.ok(acked >= 20)
  },
  stream: async (queue) => {
    let n = 0
    const sink = new Writable({ objectMode: true, write: (_item, _encoding, done) => setImmediate(done, void n++) })
    await pipeline(queue.createReadStream({ wait: false }), sink)
    assert.ok(n > SMALL_ITEMS)
  },
  reopened: async (queue, reopen) => {
    await queue.close()
    const again = await reopen()
    await times(30, () => again.pop())
    await again.close()
  },
}

const options: Record<string, QueueOptions<Item>> = {
  maxAttempts: { maxAttempts: 3 },
  default: {},
  os: { durability: 'os' },
  interval: { durability: { interval: 5 } },
  leaseTimeout: { leaseTimeout: 60_000 },
  keepAcked: { keepAcked: 50 },
  maxSize: { maxSize: 5000, maxBytes: 1e9, whenFull: 'reject' },
  'drop-oldest': { maxSize: 5000, whenFull: 'drop-oldest' },
  flushing: { flushLimit: 16_384, segmentSize: 65_536 },
}

function fillUp(folder: string): void {
  const rest = openSync(join(folder, 'rest'), 'w')
  try {
    for (;;) writeSync(rest, Buffer.alloc(4096))
  } catch {
    closeSync(rest)
  }
}

async function tryWay(folder: string, option: QueueOptions<Item>, way: (typeof ways)[string]): Promise<void> {
  const open = () => AsyncQueue.open<Item>(join(folder, 'queue'), { flushLimit: Infinity, ...option })
  const queue = await open()
  await queue.putMany(Array.from({ length: SMALL_ITEMS }, (_, n) => ({ n, pad: 'x'.repeat(900) })))
  for (let isFull = false; !isFull; ) {
    await queue.put({ n: -1, pad: 'y'.repeat(9000) }).catch((error: unknown) => {
      assert.ok(error instanceof StorageError)
      isFull = true
    })
  }
  fillUp(folder)
  await way(queue, open)
  await queue.close()
}

it('the queue is taken from on a full disk in every way, with every option that writes', async (t) => {
  if (!isPossible) return notTried(t, 'ways on a full disk', 'mounting a small disk needs root on Linux')
  const counted = counting(t, 'ways on a full disk')
  const rejected: string[] = []
  let tried = 0
  for (const [name, option] of Object.entries(options).slice(0, CHECK ? undefined : 1)) {
    for (const [wayName, way] of Object.entries(ways).filter(([each]) => CHECK || FEW.includes(each))) {
      const folder = mkdtempSync(join(tmpdir(), 'spoolq-ways-'))
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
      try {
        await tryWay(folder, option, way).catch((error: unknown) => rejected.push(`${name}, ${wayName}: ${error}`))
        tried++
      } finally {
        execFileSync('umount', ['-l', folder])
        rmSync(folder, { recursive: true, force: true })
      }
    }
  }
  assert.deepEqual(rejected, [])
  counted(tried, FEW.length)
})

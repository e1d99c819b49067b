// bounding-bytes.ts: maxBytes: the encoded bytes of what is ready, delayed or in flight, whoever put it.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { it } from 'node:test'
import { type AsyncQueue, QueueFullError, type QueueOptions } from '../../lib/index.ts'
import { fate, type MakePlace } from './place.ts'

const bytes = (length: number, value = 7) => Buffer.alloc(length, value)
const refused = (put: Promise<unknown>) => assert.rejects(put, QueueFullError)
const now = { wait: false } as const

async function fill(queue: AsyncQueue<Buffer>, items: number, length = 100): Promise<void> {
  for (let n = 0; n < items; n++) await queue.put(bytes(length, n), now)
}

export function boundingBytes(place: MakePlace): void {
  const fresh = async (options: QueueOptions<Buffer>) => (await place()).open<Buffer>({ codec: 'raw', ...options })

  it('holds exactly maxBytes, and makes the next put wait for room', async () => {
    const queue = await fresh({ maxBytes: 1000 })
    await fill(queue, 10)
    const next = queue.put(bytes(100, 10))
    assert.equal(await fate(next), 'pending')
    await refused(queue.put(bytes(1), { timeout: 5 }))
    await queue.pop()
    assert.equal(await next, 11)
    await refused(queue.put(bytes(1), now))
    assert.equal(await queue.size(), 10)
  })

  it('counts what is delayed or in flight, and what is settled or failed no more', async () => {
    const queue = await fresh({ maxBytes: 1000 })
    await queue.put(bytes(400), { delay: 1e9 })
    await fill(queue, 6)
    const held = await queue.lease(6)
    await refused(queue.put(bytes(1), now))
    await held[4]?.ack()
    await held[1]?.ack()
    await refused(queue.put(bytes(201), now))
    await held[2]?.fail('spoilt')
    await held[3]?.nack()
    await queue.put(bytes(300), now)
    await refused(queue.put(bytes(1), now))
    assert.equal(await queue.clear(), 3)
    await queue.put(bytes(800), now)
    await refused(queue.put(bytes(1), now))
  })

  it('makes room of acknowledgements in any order', async () => {
    const queue = await fresh({ maxBytes: 10_000 })
    await fill(queue, 100)
    const held = await queue.lease(100)
    for (const [index, delivery] of held.entries()) if (index % 2) await delivery.ack()
    await fill(queue, 50)
    await refused(queue.put(bytes(1), now))
  })

  it('lets the items of one batch share its bytes, to the last one', async () => {
    const where = await place()
    const queue = await where.open<number[]>({ maxBytes: 1000, codec: 'json' })
    const items = Array.from({ length: 7 }, (_, n) => [n, 10 ** 20])
    await queue.putMany(items)
    const used = items.reduce((sum, item) => sum + JSON.stringify(item).length, 0)
    assert.ok(used > 100)
    for (const item of items) assert.deepEqual(await queue.pop(), item)
    // All of it is free again: a string of 998 characters is 1,000 bytes of JSON.
    const other = await where.open<unknown>({ maxBytes: 1000 })
    await refused(other.put('x'.repeat(999), now))
    await other.put('x'.repeat(998), now)
  })

  it('refuses at once what can never fit, and a stream splits its batches to fit', async () => {
    const queue = await fresh({ maxBytes: 1000 })
    await refused(queue.put(bytes(1001)))
    await refused(queue.putMany([bytes(600), bytes(600)]))
    assert.equal(await queue.size(), 0)
    const taken: number[] = []
    const taking = (async () => {
      while (taken.length < 50) taken.push((await queue.get())[0] ?? -1)
    })()
    const writable = queue.createWriteStream()
    await pipeline(Readable.from(Array.from({ length: 50 }, (_, n) => bytes(300, n))), writable)
    await taking
    assert.deepEqual(
      taken,
      Array.from({ length: 50 }, (_, n) => n),
    )
  })

  it('drops the oldest that are ready, as many as it needs', async () => {
    const queue = await fresh({ maxBytes: 1000, whenFull: 'drop-oldest' })
    await fill(queue, 10)
    const first = await queue.lease()
    await queue.put(bytes(250, 99))
    assert.equal((await queue.stats()).dropped, 3)
    assert.deepEqual(
      (await queue.peek(9)).map((item) => item[0]),
      [4, 5, 6, 7, 8, 9, 99],
    )
    await refused(queue.put(bytes(901), now))
    await first?.ack()
    assert.equal((await queue.stats()).dropped, 3)
  })

  it('keeps both bounds', async () => {
    const queue = await fresh({ maxBytes: 1000, maxSize: 3 })
    await fill(queue, 3)
    await refused(queue.put(bytes(1), now))
    await queue.pop()
    await refused(queue.put(bytes(801), now))
    await queue.put(bytes(800), now)
  })

  it('holds it against all that is there, whoever put or took it, and whatever bound they had', async () => {
    const where = await place()
    const other = await where.open<Buffer>({ codec: 'raw' })
    await fill(other, 20)
    const queue = await where.open<Buffer>({ maxBytes: 1000 })
    await refused(queue.put(bytes(1), now))
    await other.pop(10)
    await refused(queue.put(bytes(1), now))
    await other.pop(1)
    await queue.put(bytes(100), now)
    await other.pop(5)
    await other.flush()
    await fill(queue, 5)
    await refused(queue.put(bytes(1), now))
    await other.flush()
    await other.pop(4)
    await other.put(bytes(50))
    await fill(queue, 1, 350)
    await refused(queue.put(bytes(1), now))
  })
}

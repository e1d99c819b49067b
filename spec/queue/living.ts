// living.ts: opening, closing, failing: what each method does meanwhile and afterwards.

import assert from 'node:assert/strict'
import { pipeline } from 'node:stream/promises'
import { it } from 'node:test'
import { AsyncQueue, CodecMismatchError, QueueClosedError } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { fate, fresh, type MakePlace, turns } from './place.ts'

type Call = (queue: AsyncQueue<number>) => Promise<unknown>

/** Every method, and what it resolves to on a queue that holds 1, 2, 3. */
export const methods: Readonly<Record<string, readonly [Call, unknown]>> = {
  put: [(queue) => queue.put(4), 4],
  putMany: [(queue) => queue.putMany([4, 5]), [4, 5]],
  peek: [(queue) => queue.peek(), 1],
  'peek(n)': [(queue) => queue.peek(2), [1, 2]],
  pop: [(queue) => queue.pop(), 1],
  'pop(n)': [(queue) => queue.pop(2), [1, 2]],
  get: [(queue) => queue.get(), 1],
  'get(n)': [(queue) => queue.get(2, { min: 2 }), [1, 2]],
  delete: [(queue) => queue.delete(2), 2],
  clear: [(queue) => queue.clear(), 3],
  size: [(queue) => queue.size(), 3],
  counts: [(queue) => queue.counts(), { ready: 3, delayed: 0, inFlight: 0, failed: 0, acked: 0 }],
  stats: [async (queue) => (await queue.stats()).ready, 3],
  list: [async (queue) => (await queue.list()).map(({ item }) => item), [1, 2, 3]],
  flush: [async (queue) => typeof (await queue.flush()).reclaimed, 'number'],
  items: [async (queue) => (await queue.items().next()).value, 1],
  batches: [async (queue) => (await queue.batches(2).next()).value, [1, 2]],
  deliveries: [async (queue) => (await queue.deliveries().next()).value?.id, 1],
  [Symbol.asyncIterator.toString()]: [async (queue) => (await queue[Symbol.asyncIterator]().next()).value, 1],
  lease: [async (queue) => (await queue.lease())?.item, 1],
  'lease(n)': [async (queue) => (await queue.lease(2)).map(({ item }) => item), [1, 2]],
  consume: [async (queue) => (await queue.consume(() => {}, { wait: false })).acked, 3],
  join: [async (queue) => Promise.all([queue.join(), queue.delete(3)]), [undefined, 3]],
  reclaim: [(queue) => queue.reclaim(), 0],
  retry: [(queue) => queue.retry(), 0],
  discard: [(queue) => queue.discard([1]), 0],
  copyTo: [async (queue) => size(await queue.copyTo('memory:')), 3],
  createReadStream: [(queue) => queue.createReadStream({ wait: false }).toArray(), [1, 2, 3]],
  createWebStream: [async (queue) => (await queue.createWebStream().getReader().read()).value, 1],
  createWriteStream: [(queue) => pipeline([4, 5], queue.createWriteStream()), undefined],
}

/** Those that need an index. */
export const indexedMethods: typeof methods = {
  update: [(queue) => queue.update(2, 5), true],
  'lease by id': [async (queue) => (await queue.lease({ id: 2 }))?.item, 2],
}

async function size(queue: AsyncQueue<number>): Promise<number> {
  await using opened = queue
  return opened.size()
}

export function living(place: MakePlace, indexed: boolean): void {
  const all = Object.entries(indexed ? { ...methods, ...indexedMethods } : methods)

  it('has no method that is not tried here', () => {
    const known = Object.keys({ ...methods, ...indexedMethods })
    for (const key of Reflect.ownKeys(AsyncQueue.prototype).map(String)) {
      assert.ok(key === 'constructor' || known.includes(key), `${key} is not tried`)
    }
  })

  // Each of them opens several queues.
  const tried = all.filter((_, i) => CHECK || i % 3 === 0)

  it('answers each method while it is open, and as well when it was called while opening', async () => {
    for (const [name, [call, expected]] of tried) {
      const where = await place()
      const first = await where.open<number>()
      await first.putMany([1, 2, 3])
      await first.close()
      const opening = where.start<number>()
      assert.deepEqual(await call(opening), expected, `${name} while opening`)
      const open = await fresh<number>(place)
      await open.putMany([1, 2, 3])
      assert.deepEqual(await call(open), expected, `${name} when open`)
    }
  })

  it('rejects each method with QueueClosedError from the call of close() on', async () => {
    for (const [name, [call]] of tried) {
      const queue = await fresh<number>(place)
      const closed = queue.close()
      await assert.rejects(call(queue), QueueClosedError, `${name} while closing`)
      await closed
      await assert.rejects(call(queue), QueueClosedError, `${name} when closed`)
    }
  })

  it('rejects each method with the error of a failed opening', async () => {
    const where = await place()
    await (await where.open({ codec: 'v8' })).close()
    const queue = where.start<number>({ codec: 'json' })
    const failure = await queue.opened.catch((error: unknown) => error)
    assert.ok(failure instanceof CodecMismatchError)
    for (const [name, [call]] of all) {
      await assert.rejects(call(queue), (error) => error === failure, name)
    }
    await assert.rejects(queue.close(), CodecMismatchError)
    await assert.rejects(queue.put(1), CodecMismatchError)
    await assert.rejects(where.open({ codec: 'json' }), CodecMismatchError)
  })

  it('is quiet about a failed opening that nobody looks at', async () => {
    const where = await place()
    await (await where.open({ codec: 'v8' })).close()
    where.start({ codec: 'json' })
    await turns()
  })

  it('resolves opened to itself', async () => {
    const queue = (await place()).start()
    assert.equal(await queue.opened, queue)
  })

  it('rejects and throws for wrong options', async () => {
    const { location } = await place()
    await assert.rejects(AsyncQueue.open(location, { maxSize: -1 }), RangeError)
    await assert.rejects(AsyncQueue.open(location, { colour: 'red' } as object), TypeError)
    assert.throws(() => new AsyncQueue(location, { maxSize: -1 }), RangeError)
    const reason = new Error('enough')
    await assert.rejects(AsyncQueue.open(location, { signal: AbortSignal.abort(reason) }), reason)
  })

  it('lets puts under way finish when it closes, also those that wait for the opening', async () => {
    const where = await place()
    const opening = where.start<number>()
    const early = opening.put(1)
    await opening.close()
    assert.equal(await early, 1)
    const queue = await where.open<number>()
    const puts = [queue.put(2), queue.putMany([3, 4])]
    await queue.close()
    assert.deepEqual(await Promise.all(puts), [2, [3, 4]])
    assert.deepEqual(await (await where.open<number>()).pop(9), [1, 2, 3, 4])
  })

  it('ends its loops when it closes, and keeps what they have finished', async () => {
    const where = await place()
    const queue = await where.open<number>()
    await queue.putMany([1, 2, 3])
    const seen: number[] = []
    for await (const item of queue) {
      seen.push(item)
      if (item === 2) void queue.close()
    }
    await queue.close()
    assert.deepEqual(seen, [1, 2])
    const again = await where.open<number>()
    assert.deepEqual(await again.pop(9), [3])
    const loop = (async () => {
      for await (const _ of again) seen.push(0)
    })()
    assert.equal(await fate(loop), 'pending')
    await again.close()
    await loop
  })

  it('closes once, however often it is told to', async () => {
    const queue = await fresh(place)
    await Promise.all([queue.close(), queue.close()])
    await queue.close()
    assert.equal(queue.destroyed, true)
  })

  it('closes at the end of its scope', async () => {
    const where = await place()
    const queue = await where.open<number>()
    await queue[Symbol.asyncDispose]()
    await assert.rejects(queue.size(), QueueClosedError)
  })
}

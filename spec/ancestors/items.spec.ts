// What the ancestors do to items: lose some, count one as several, stumble over others.

import assert from 'node:assert/strict'
import { type Codec, CodecError } from '../../lib/index.ts'
import { cut } from '../queue/place.ts'
import { everywhere, onDisk } from './places.ts'

everywhere('persist-queue', 'a None is deleted, and Empty raised', async (place) => {
  const queue = await place.open()
  await queue.putMany([null, undefined, null, undefined, 'last'])
  assert.equal(await queue.get(), null)
  assert.equal(await queue.get({ timeout: 0 }), undefined)
  assert.deepEqual(await queue.pop(1), [null])
  const delivery = await queue.lease()
  assert.deepEqual([delivery?.id, delivery?.item], [4, undefined])
  await delivery?.ack()
  assert.equal(await queue.size(), 1)
  assert.deepEqual([await queue.pop(), await queue.pop(), await queue.pop(1)], ['last', undefined, []])
  assert.equal(await queue.size(), 0)
})

everywhere(
  'python_persistent_queue',
  'a list that is put is several items, and one item to the count',
  async (place) => {
    const queue = await place.open<number[]>()
    assert.equal(await queue.put([1, 2, 3]), 1)
    assert.equal(await queue.put([]), 2)
    assert.deepEqual(await queue.putMany([[4], [5, 6]]), [3, 4])
    assert.equal(await queue.size(), 4)
    assert.deepEqual(await queue.pop(), [1, 2, 3])
    assert.equal(await queue.size(), 3)
    assert.deepEqual(await queue.pop(9), [[], [4], [5, 6]])
    assert.equal(await queue.size(), 0)
  },
)

everywhere('MySQLQueue', 'a blob ends at 64 KB', async (place) => {
  const queue = await place.open<Buffer>()
  const large = Buffer.alloc(3_000_000, 'żółw')
  const sizes = [65_535, 65_536, 3_000_000]
  for (const size of sizes) await queue.put(large.subarray(0, size))
  const items = await queue.pop(9)
  assert.deepEqual(
    items.map(({ length }) => length),
    sizes,
  )
  assert.ok(items.every((item) => large.subarray(0, item.length).equals(item)))
})

everywhere('MySQLQueue', 'the time of a put loses its seconds', async (place) => {
  const queue = await place.open<number>()
  const before = Date.now()
  await queue.put(1)
  const between = Date.now()
  await queue.putMany([2, 3])
  const after = Date.now()
  await cut(queue)
  const times = (await (await place.open<number>()).lease(9)).map(({ enqueuedAt }) => enqueuedAt.getTime())
  const [one = 0, two = 0, three = 0] = times
  assert.ok(before <= one && one <= between && between <= two && two === three && three <= after, times.join())
})

everywhere('SQLiteAckQueue', 'an item with the key pqid is taken for a receipt', async (place) => {
  const queue = await place.open()
  const items = [{ pqid: 2, data: 'x', timestamp: 0 }, { id: 1, item: 'y', attempt: 9 }, { ids: [1] }, 2, '1']
  await queue.putMany(items)
  const deliveries = await queue.lease(9)
  assert.deepEqual(
    deliveries.map(({ item }) => item),
    items,
  )
  await deliveries[0]?.ack()
  await deliveries[3]?.fail()
  for (const at of [1, 2, 4]) await deliveries[at]?.nack()
  assert.deepEqual(
    (await queue.lease(9)).map(({ id }) => id),
    [2, 3, 5],
  )
})

everywhere('python_persistent_queue', 'an item that fails to encode leaves part of its batch behind', async (place) => {
  const queue = await place.open<string>({ codec: brittle })
  await queue.putMany(['a', 'b'])
  await assert.rejects(queue.putMany(['c', 'd', 'broken', 'e']), CodecError)
  await assert.rejects(queue.put('broken'), CodecError)
  await Promise.allSettled([queue.put('f'), queue.put('broken'), queue.put('g')])
  assert.equal(await queue.size(), 4)
  await cut(queue)
  const again = await place.open<string>({ codec: brittle })
  await again.put('h')
  assert.equal(await again.size(), 5)
  assert.deepEqual(await again.pop(9), ['a', 'b', 'f', 'g', 'h'])
  assert.equal(await again.size(), 0)
})

onDisk('python_persistent_queue', 'the copy forgets the serializers', async (place) => {
  const queue = await place.open<string>({ codec: brittle })
  await queue.putMany(['a', 'b'])
  await using copy = await queue.copyTo(`memory:ancestors-${process.pid}`)
  await copy.put('c')
  assert.deepEqual(await copy.pop(9), ['a', 'b', 'c'])
  await assert.rejects(copy.put('broken'), CodecError)
})

const brittle: Codec<string> = {
  name: 'brittle',
  encode: (item) => {
    if (item === 'broken') throw new Error('it was broken before')
    return Buffer.from(item)
  },
  decode: (bytes) => Buffer.from(bytes).toString(),
}

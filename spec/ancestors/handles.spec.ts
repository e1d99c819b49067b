// What the ancestors do with two handles, or two processes, on one queue.

import assert from 'node:assert/strict'
import { numbers } from '../queue/place.ts'
import { everywhere } from './places.ts'

everywhere('persist-queue', 'with two handles sizes are wrong, and negative', async (place) => {
  const handles = [await place.open<number>(), await place.open<number>(), await place.open<number>()]
  const [one, two, three] = handles
  const sizes = () => Promise.all(handles.map((handle) => handle.size()))
  await one?.putMany(numbers(1, 10))
  assert.deepEqual(await sizes(), [10, 10, 10])
  await two?.pop(6)
  assert.deepEqual(await sizes(), [4, 4, 4])
  const held = await three?.lease(2)
  assert.deepEqual(await sizes(), [2, 2, 2])
  await held?.[0]?.ack()
  await held?.[1]?.nack()
  await one?.delete(1)
  assert.deepEqual(await sizes(), [2, 2, 2])
  assert.equal(await two?.clear(), 2)
  assert.equal(await three?.pop(), undefined)
  assert.deepEqual(await sizes(), [0, 0, 0])
  for (const handle of handles) {
    assert.deepEqual(await handle.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  }
})

everywhere('persist-queue', 'two handles on one folder deliver the same item', async (place) => {
  const handles = [await place.open<number>(), await place.open<number>(), await place.open<number>()]
  await handles[0]?.putMany(numbers(1, 300))
  const taken = await Promise.all(
    numbers(1, 330).map(async (n) => {
      const handle = handles[n % 3]
      if (n % 5 !== 0) return handle?.pop()
      const delivery = await handle?.lease()
      await delivery?.ack()
      return delivery?.item
    }),
  )
  const items = taken.filter((item) => item !== undefined)
  assert.deepEqual(
    items.toSorted((a, b) => a - b),
    numbers(1, 300),
  )
})

everywhere('persist-queue', 'a put from elsewhere is missed by a get that begins to wait', async (place) => {
  const [one, other] = [await place.open<number>(), await place.open<number>()]
  for (const n of numbers(1, 150)) {
    const got = one.get()
    // Now before it parks, now while it does, now after.
    for (let i = 0; i < n % 12; i += 1) await (n % 2 === 0 ? undefined : new Promise(setImmediate))
    if (n % 10 === 0) await other.clear()
    await other.put(n)
    assert.equal(await got, n)
  }
})

// shared-queue.ts: several processes on one queue in a database, and what is left of those that are killed: for every
// store that many processes share by its location.

import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'
import { until } from '../queue/place.ts'
import type { Call, Numbered, Produced } from './part.ts'
import { endEach, long, startPart, startThread } from './parts.ts'
import { newSeed } from './random.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** `place`: where a queue can be, and was not yet. */
export function sharedQueue(place: (t: TestContext) => string): void {
  it("gives each item to one of several processes and threads, in each producer's order", async (t) => {
    const seed = newSeed()
    t.diagnostic(`seed ${seed}`)
    const folder = place(t)
    const options = { durability: 'os' } as const
    const count = long(10_000, 800)
    const producing = [0, 1].map((producer) =>
      startPart(t, 'put', { folder, options, producer, count, seed: seed + producer }),
    )
    const popping = [
      startPart(t, 'pop', { folder, options, seed: seed + 10 }),
      startPart(t, 'pop', { folder, options, seed: seed + 11 }),
      startThread(t, 'pop', { folder, options, seed: seed + 12 }),
    ]
    await Promise.all(producing.map(({ done }) => done))
    await endEach(
      folder,
      popping.map(({ done }) => done),
    )
    const taken = [new Set<number>(), new Set<number>()]
    const behind: string[] = []
    for (const { lines } of popping) {
      const last = [-1, -1]
      const pairs = lines.flatMap((line) => line.split(' ').map((pair) => pair.split(':').map(Number)))
      for (const [producer = -1, number = -1] of pairs) {
        if (producer < 0) continue
        if (number <= (last[producer] ?? -1)) behind.push(`${number} of ${producer} behind ${last[producer]}`)
        assert.ok(!taken[producer]?.has(number), `item ${number} of ${producer} came twice`)
        last[producer] = Math.max(number, last[producer] ?? -1)
        taken[producer]?.add(number)
      }
    }
    assert.deepEqual(behind.slice(0, 9), [], `${behind.length} came late`)
    assert.deepEqual(
      taken.map(({ size }) => size),
      [count, count],
    )
    await using queue = await AsyncQueue.open(folder)
    const { ready, inFlight, bytes } = await queue.stats()
    assert.deepEqual({ ready, inFlight, bytes }, { ready: 0, inFlight: 0, bytes: 0 })
  })

  const kinds: Record<string, QueueOptions<Numbered>> = {
    fifo: {},
    lifo: { order: 'lifo' },
    priority: { order: 'priority' },
    unique: { unique: ({ number }) => `${number}` },
  }
  const tried = long(Object.keys(kinds), ['fifo', 'priority'])
  for (const [kind, options] of Object.entries(kinds).filter(([kind]) => tried.includes(kind))) {
    it(`brings back in its order what a killed process held and had not acknowledged (${kind})`, async (t) => {
      const folder = place(t)
      const count = 200
      {
        await using queue = await AsyncQueue.open<Numbered>(folder, options)
        if (kind !== 'priority') await queue.putMany(numbers(count).map((number) => ({ number })))
        else for (const number of numbers(count)) await queue.put({ number }, { priority: -number })
      }
      const victim = startPart(t, 'halve', { folder, count })
      await victim.heard(1)
      assert.deepEqual(victim.lines, [`${count} ${count / 2}`])
      await victim.kill()
      await using queue = await AsyncQueue.open<Numbered>(folder, options)
      // Every second one was acknowledged, from the second on, in the order in which they came.
      const inOrder = kind === 'lifo' || kind === 'priority' ? numbers(count).reverse() : numbers(count)
      const left = inOrder.filter((_, i) => i % 2 === 0)
      if (kind === 'unique') {
        assert.equal(await queue.put({ number: left[0] ?? 0 }), undefined)
        assert.ok((await queue.put({ number: 2 })) !== undefined)
      }
      // A server on a busy host hears of the death a moment late.
      await until(async () => (await queue.counts()).inFlight === 0)
      const again = await queue.lease(count / 2)
      assert.deepEqual(
        again.map(({ item, attempt }) => [item.number, attempt]),
        left.map((number) => [number, 2]),
      )
      await Promise.all(again.map((delivery) => delivery.ack()))
      if (kind === 'unique') assert.ok((await queue.put({ number: 1 })) !== undefined)
    })
  }

  it('has whole whatever a killed producer was told, and nothing by halves', async (t) => {
    const folder = place(t)
    for (let round = 0; round < long(8, 1); round += 1) {
      const seed = newSeed()
      t.diagnostic(`round ${round}: seed ${seed}`)
      const options = { durability: round % 2 === 0 ? 'disk' : 'os' } as const
      const producer = startPart(t, 'produce', { folder, options, round, seed })
      await producer.heard(1 + (seed % 300))
      await pause(seed % 10)
      await producer.kill()
      await using queue = await AsyncQueue.open<Call>(folder)
      const parts = new Map<number, { of: number; parts: number[] }>()
      let last = 0
      for (const { id, item } of await queue.list({ limit: Infinity })) {
        assert.ok(id > last)
        last = id
        const { call, part, of } = item ?? assert.fail('an item does not decode')
        const known = parts.get(call) ?? { of, parts: [] }
        parts.set(call, known)
        known.parts.push(part)
      }
      for (const { of, parts: found } of parts.values()) assert.deepEqual(found, [...Array(of).keys()])
      for (const line of producer.lines.slice(1)) assert.ok(parts.has(Number(line)), `call ${line} is missing`)
      await queue.clear()
    }
  })

  it('is made once, however many processes open it first', async (t) => {
    const folder = place(t)
    const visitors = numbers(4).map(() => startPart(t, 'visit', { folder, way: 'close' }))
    await Promise.all(visitors.map(({ done }) => done))
    await using queue = await AsyncQueue.open<Numbered>(folder)
    const listed = await queue.list()
    assert.deepEqual(
      listed.map(({ id }) => id).sort((one, other) => one - other),
      numbers(4),
    )
  })

  it('wakes a get that waits for what another process puts', async (t) => {
    const folder = place(t)
    await using queue = await AsyncQueue.open<Produced>(folder)
    const waiting = Promise.all([queue.get(), queue.get()])
    await startPart(t, 'put', { folder, producer: 3, count: 2, seed: 1 }).done
    assert.deepEqual(await waiting, [
      { producer: 3, number: 0 },
      { producer: 3, number: 1 },
    ])
  })

  it('gives back what a thread held that was terminated, and a process that just exits', async (t) => {
    const folder = place(t)
    await using queue = await AsyncQueue.open<Numbered>(folder)
    await queue.putMany([{ number: 1 }, { number: 2 }])
    await startPart(t, 'visit', { folder, way: 'exit' }).done
    const thread = startThread(t, 'visit', { folder, way: 'stay' })
    await thread.heard(1)
    await thread.kill()
    while ((await queue.counts()).inFlight > 0) await pause(20)
    const deliveries = await queue.lease(9)
    const attempts = deliveries.map(({ item, attempt }) => [item.number, attempt])
    for (const delivery of deliveries) await delivery.ack()
    assert.deepEqual(
      attempts.slice(0, 2).map(([number]) => number),
      [1, 2],
    )
    assert.ok(attempts.slice(0, 2).every(([, attempt]) => (attempt ?? 0) >= 1))
    assert.equal(attempts.filter(([number]) => number === -1).length, 2)
  })
}

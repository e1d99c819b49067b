// in-flight.spec.ts: what becomes of items in flight when their consumers are killed, stopped, or gone.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue, QueueEmptyError } from '../../lib/index.ts'
import type { Leaving, Numbered } from './part.ts'
import { long, newPlace, startPart, startThread } from './parts.ts'

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

async function fill(folder: string, count: number): Promise<void> {
  await using queue = await AsyncQueue.open<Numbered>(folder)
  await queue.putMany(numbers(count).map((number) => ({ number })))
}

/** Resolves once it holds, however slow the machine is. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await pause(20)
}

it('the queue brings back exactly those of 1,000 in flight that were not acknowledged before a kill -9', async (t) => {
  const folder = newPlace(t)
  await fill(folder, 1000)
  const victim = startPart(t, 'halve', { folder, count: 1000 })
  await victim.heard(1)
  assert.deepEqual(victim.lines, ['1000 500'])
  await victim.kill()
  await using queue = await AsyncQueue.open<Numbered>(folder)
  const again = await queue.lease(2000)
  assert.deepEqual(
    again.map(({ item, attempt }) => [item.number, attempt]),
    numbers(500).map((n) => [2 * n - 1, 2]),
  )
  await Promise.all(again.map((delivery) => delivery.ack()))
})

it('the queue gives back what a process held that just exits', async (t) => {
  const folder = newPlace(t)
  await fill(folder, 1)
  await startPart(t, 'visit', { folder, way: 'exit' }).done
  await using queue = await AsyncQueue.open<Numbered>(folder)
  const deliveries = await queue.lease(9)
  assert.deepEqual(
    deliveries.map(({ item, attempt }) => [item.number, attempt]),
    [
      [1, 2],
      [-1, 1],
    ],
  )
  for (const delivery of deliveries) await delivery.ack()
})

it('the queue shows what a killed process held to those who only look', async (t) => {
  for (const look of ['peek', 'list'] as const) {
    const folder = newPlace(t)
    await fill(folder, 10)
    await using queue = await AsyncQueue.open<Numbered>(folder)
    const victim = startPart(t, 'halve', { folder, count: 10 })
    await victim.heard(1)
    const seen = async (): Promise<number> => (look === 'peek' ? await queue.peek(10) : await queue.list()).length
    assert.equal(await seen(), 0)
    await victim.kill()
    await until(async () => (await seen()) === 5)
  }
})

it('the queue leaves a stopped process what it holds: it is alive', async (t) => {
  const folder = newPlace(t)
  await fill(folder, 1)
  const stopped = startPart(t, 'late', { folder })
  await stopped.heard(1)
  stopped.signal('SIGSTOP')
  await using queue = await AsyncQueue.open<Numbered>(folder)
  await assert.rejects(queue.get({ timeout: 2000 }), QueueEmptyError)
  stopped.signal('SIGCONT')
  stopped.signal('SIGUSR2')
  await stopped.done
  assert.deepEqual(stopped.lines, ['held', 'acknowledged'])
  await queue.join()
})

it('the queue takes back what a stopped process holds beyond leaseTimeout, whose late ack is a SettledError', async (t) => {
  const folder = newPlace(t)
  await fill(folder, 1)
  const stopped = startPart(t, 'late', { folder, options: { leaseTimeout: 1000 } })
  await stopped.heard(1)
  stopped.signal('SIGSTOP')
  await using queue = await AsyncQueue.open<Numbered>(folder)
  for await (const delivery of queue.deliveries()) {
    assert.deepEqual([delivery.item.number, delivery.attempt], [1, 2])
    stopped.signal('SIGCONT')
    stopped.signal('SIGUSR2')
    await stopped.done
    assert.deepEqual(stopped.lines, ['held', 'ERR_QUEUE_SETTLED'])
    await delivery.ack()
    break
  }
  await queue.join()
})

const WAYS: readonly Leaving[] = ['close', 'exit', 'stay']

it('the queue outlives worker threads that come and go, one by one and eight at a time', async (t) => {
  const folder = newPlace(t)
  await fill(folder, 8)
  await using queue = await AsyncQueue.open<Numbered>(folder)
  const visits = long(40, 3)
  const open = () => readdirSync('/proc/self/fd').length
  const visit = async (n: number) => {
    const thread = startThread(t, 'visit', { folder, way: WAYS[n % 3] ?? 'close' })
    await thread.heard(1)
    if (n % 3 === 2) await thread.kill()
    else await thread.done
  }
  await visit(0)
  const before = process.platform === 'linux' ? open() : 0
  for (let n = 1; n < visits / 2; n++) await visit(n)
  let next = Math.ceil(visits / 2)
  const lane = async () => {
    while (next < visits) await visit(next++)
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  // What the terminated ones held is ready again by itself.
  await until(async () => (await queue.counts()).inFlight === 0)
  assert.deepEqual(await queue.counts(), { ready: 8 + visits, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  const left = (await queue.pop(9999)).map(({ number }) => number)
  assert.deepEqual(
    left.toSorted((one, other) => one - other),
    [...numbers(visits).map(() => -1), ...numbers(8)],
  )
  if (process.platform === 'linux') await until(() => open() <= before)
})

it('the queue settles each item once, whatever takes it, in one process and across four', async (t) => {
  for (const processes of long([1, 4], [2])) {
    const folder = newPlace(t)
    const count = long(20_000, 800)
    await using queue = await AsyncQueue.open<Numbered>(folder, { durability: 'os' })
    const consumers = numbers(processes).map(() => startPart(t, 'mix', { folder, options: { durability: 'os' } }))
    for (const consumer of consumers) await consumer.heard(1)
    for (let from = 1; from <= count; from += 100) {
      await queue.putMany(numbers(100).map((n) => ({ number: from + n - 1 })))
      const { ready, delayed, inFlight, failed } = await queue.counts()
      assert.ok(ready + delayed + inFlight + failed < from + 100)
    }
    await queue.join()
    for (const consumer of consumers) consumer.signal('SIGUSR2')
    for (const consumer of consumers) await consumer.done
    const failed = await queue.list({ status: 'failed', limit: Infinity })
    const settled = consumers.flatMap(({ lines }) => lines.slice(1).map(Number))
    const all = [...settled, ...failed.map(({ item }) => item?.number ?? 0)]
    assert.deepEqual(
      all.toSorted((one, other) => one - other),
      numbers(count),
    )
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: failed.length, acked: 0 })
  }
})

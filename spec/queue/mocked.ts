// mocked.ts: a test runner's timers and clocks in place of the process's own: none of them ever calls, and time stands still.
// What was loaded before has its own, and harms nobody.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fresh, type MakePlace, until } from './place.ts'

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'clearTimeout', 'clearInterval'] as const

/** Until it is called. */
function mock(): () => void {
  const real = TIMERS.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
  const now = Date.now
  const elapsed = performance.now
  const never = Object.assign(() => ({ unref() {}, ref() {}, hasRef: () => false }), { __promisify__: hangs })
  for (const name of TIMERS)
    Object.defineProperty(globalThis, name, { value: never, configurable: true, writable: true })
  Date.now = () => 0
  performance.now = () => 0
  return () => {
    for (const [name, descriptor] of real) if (descriptor) Object.defineProperty(globalThis, name, descriptor)
    Date.now = now
    performance.now = elapsed
  }
}

function hangs(): Promise<never> {
  return new Promise(() => {})
}

export function mocked(place: MakePlace): void {
  it('goes on while the timers of a test runner stand in place of the real ones, and afterwards', async () => {
    const { open } = await place()
    const before = await open<number>({ leaseTimeout: 60_000 })
    const unmock = mock()
    try {
      const during = await open<number>()
      for (const queue of [before, during]) await all(queue)
      await during.close()
    } finally {
      unmock()
    }
    await all(before)
  })

  it('counts delays and leases by its own clock, whatever stands in its place', async () => {
    const queue = await fresh<string>(place, { leaseTimeout: 60_000 })
    await queue.put('held')
    const delivery = await queue.lease()
    const now = Date.now
    try {
      Date.now = () => now() + 3_600_000
      assert.equal(await queue.lease(), undefined)
      await queue.put('late', { delay: 600_000 })
      assert.equal(await queue.pop(), undefined)
      Date.now = () => now() - 3_600_000
      await queue.put('soon', { delay: 1 })
      await until(async () => (await queue.counts()).ready === 1)
      assert.equal(await queue.pop(), 'soon')
      await delivery?.ack()
    } finally {
      Date.now = now
    }
    assert.equal(await queue.clear(), 1)
  })
}

/** Ways to take that wait for something: a turn, a millisecond, a timeout, a change, a delay, a back-off. */
async function all(queue: Awaited<ReturnType<typeof fresh<number>>>): Promise<void> {
  await queue.putMany([1, 2, 3])
  const seen: number[] = []
  for await (const item of queue.items({ wait: false })) seen.push(item)
  const waiting = queue.get({ timeout: 60_000 })
  await queue.put(4, { delay: 1 })
  seen.push(await waiting)
  await assert.rejects(queue.get({ timeout: 1 }), { code: 'ERR_QUEUE_EMPTY' })
  await queue.put(5)
  const failing = new Set([5])
  const retry = { attempts: 2, minDelay: 1, maxDelay: 1 }
  await queue.consume(
    ([item = 0]) => {
      if (failing.delete(item)) throw new Error('once')
      seen.push(item)
    },
    { wait: false, retry, timeout: 60_000 },
  )
  const stream = queue.createReadStream({ wait: false })
  await queue.put(6)
  for await (const item of stream) seen.push(item)
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
}

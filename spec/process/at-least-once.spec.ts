import assert from 'node:assert/strict'
import { it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import type { Holding, Numbered, Stumbling } from './part.ts'
import { long, newPlace, startPart } from './parts.ts'

const ATTEMPTS = 3
const SOON_MS = 1000

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

async function fill(folder: string, count: number): Promise<void> {
  await using queue = await AsyncQueue.open<Numbered>(folder)
  await queue.putMany(numbers(1, count).map((number) => ({ number })))
}

/** The numbers in hand, and how often they will have been delivered. */
const holdings: Record<Holding, { readonly inHand: number[]; readonly limited: number[] }> = {
  lease: { inHand: [1, 2, 3, 4], limited: [2, 2, 2, 2, 1] },
  deliveries: { inHand: [1, 2, 3, 4], limited: [2, 2, 2, 2, 1] },
  consume: { inHand: [1, 2, 3, 4], limited: [2, 2, 2, 2, 1] },
  // Three of them had only been taken ahead.
  loop: { inHand: [1], limited: [2, 1, 1, 1, 1] },
}

for (const way of long<readonly Holding[]>(['lease', 'deliveries', 'consume', 'loop'], ['lease', 'loop'])) {
  const { inHand, limited } = holdings[way]
  it(`the queue gives at once to others what a process held (${way}) that was killed`, async (t) => {
    const folder = newPlace(t)
    await fill(folder, 5)
    const victim = startPart(t, 'hold', { folder, options: { maxAttempts: ATTEMPTS }, way })
    await victim.heard(1)
    assert.deepEqual(victim.lines, [inHand.join(' ')])
    await using queue = await AsyncQueue.open<Numbered>(folder, { maxAttempts: ATTEMPTS })
    const [last, ...others] = await queue.lease(9)
    assert.deepEqual([last?.item.number, others], [5, []])
    const waiting = queue.get(4, { min: 4 })
    const started = performance.now()
    await victim.kill()
    // Bound by the wait itself: it would be over only when the probe of the owners has found the dead one.
    const items = await waiting
    t.diagnostic(`${Math.round(performance.now() - started)} ms, of ${SOON_MS}`)
    assert.deepEqual(
      items.map(({ number }) => number),
      [1, 2, 3, 4],
    )
    await last?.ack()
  })

  it(`the queue counts an attempt to what was in hand (${way}), and to nothing else, when a process was killed`, async (t) => {
    const folder = newPlace(t)
    await fill(folder, 5)
    const victim = startPart(t, 'hold', { folder, options: { maxAttempts: ATTEMPTS }, way })
    await victim.heard(1)
    await victim.kill()
    await using queue = await AsyncQueue.open<Numbered>(folder)
    const deliveries = await queue.lease(9)
    assert.deepEqual(
      deliveries.map(({ item, attempt }) => [item.number, attempt]),
      limited.map((attempt, i) => [i + 1, attempt]),
    )
    for (const delivery of deliveries) await delivery.ack()
  })
}

/** What is handed out, run by run, with the third of ten items a poison. */
const stumbles: Record<Stumbling, { readonly runs: string[][]; readonly failed: number[] }> = {
  deliveries: { runs: [['1', '2', '3'], ['3'], ['3'], numbers(4, 10).map(String)], failed: [3] },
  items: { runs: [['1', '2', '3'], ['3'], ['3'], numbers(4, 10).map(String)], failed: [3] },
  // A batch is one unit.
  batches: { runs: [['1 2 3 4'], ['1 2 3 4'], ['1 2 3 4'], ['5 6 7 8', '9 10']], failed: [1, 2, 3, 4] },
  consume: { runs: [['1 2 3 4'], ['1 2 3 4'], ['1 2 3 4'], ['5 6 7 8', '9 10']], failed: [1, 2, 3, 4] },
}

for (const way of long<readonly Stumbling[]>(['deliveries', 'items', 'batches', 'consume'], ['consume'])) {
  const { runs, failed } = stumbles[way]
  it(`the queue sets aside what aborts its consumer (${way}) each time, with the rest flowing on`, async (t) => {
    const folder = newPlace(t)
    await fill(folder, 10)
    const options = { maxAttempts: ATTEMPTS }
    for (const [i, run] of runs.entries()) {
      const consumer = startPart(t, 'stumble', { folder, options, way, poison: 3 })
      if (i < ATTEMPTS) await assert.rejects(consumer.done)
      else await consumer.done
      assert.deepEqual(consumer.lines, run)
    }
    await using queue = await AsyncQueue.open<Numbered>(folder)
    assert.deepEqual(
      (await queue.list({ status: 'failed' })).map(({ item, attempt }) => [item?.number, attempt]),
      failed.map((number) => [number, ATTEMPTS]),
    )
    const { ready, delayed, inFlight } = await queue.counts()
    assert.deepEqual({ ready, delayed, inFlight }, { ready: 0, delayed: 0, inFlight: 0 })
  })
}

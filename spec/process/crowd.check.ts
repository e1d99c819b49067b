import assert from 'node:assert/strict'
import { it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import type { Produced, Tuning } from './part.ts'
import { assertAtRest, endEach, long, newPlace, type Running, startPart, startThread } from './parts.ts'
import { newSeed } from './random.ts'

const PRODUCERS = 5
const COUNT = long(60_000, 2000) / PRODUCERS

const kinds: Record<string, Tuning> = {
  'with defaults': {},
  'that keeps small segments': { segmentSize: 64 * 1024, flushLimit: 64 * 1024, durability: 'os' },
}

for (const [kind, options] of Object.entries(kinds).slice(long(0, 1))) {
  it(`the queue ${kind} gives each item to one of many processes and threads, in each producer's order`, async (t) => {
    const seed = newSeed()
    t.diagnostic(`seed ${seed}`)
    const folder = newPlace(t)
    const producing: Running[] = [0, 1, 2, 3].map((producer) => {
      return startPart(t, 'put', { folder, options, producer, count: COUNT, seed: seed + producer })
    })
    producing.push(startThread(t, 'put', { folder, options, producer: 4, count: COUNT, seed: seed + 4 }))
    const popping: Running[] = [10, 11, 12, 13].map((n) => startPart(t, 'pop', { folder, options, seed: seed + n }))
    popping.push(startThread(t, 'pop', { folder, options, seed: seed + 14 }))
    await Promise.all(producing.map(({ done }) => done))
    await endEach(
      folder,
      popping.map(({ done }) => done),
    )
    judge(popping.map(({ lines }) => lines))
    await using queue = await AsyncQueue.open<Produced>(folder)
    const { ready, inFlight, failed, lost } = await queue.stats()
    assert.deepEqual({ ready, inFlight, failed, lost }, { ready: 0, inFlight: 0, failed: 0, lost: 0 })
    await queue.flush()
    await queue.close()
    assertAtRest(folder)
  })
}

function judge(told: readonly (readonly string[])[]): void {
  const taken = Array.from({ length: PRODUCERS }, () => new Set<number>())
  for (const lines of told) {
    const last = new Array(PRODUCERS).fill(-1)
    for (const [producer = -1, number = -1] of lines.flatMap((line) =>
      line.split(' ').map((pair) => pair.split(':').map(Number)),
    )) {
      if (producer < 0) continue
      assert.ok(number > last[producer], `item ${number} of producer ${producer} came behind ${last[producer]}`)
      assert.ok(!taken[producer]?.has(number), `item ${number} of producer ${producer} came twice`)
      last[producer] = number
      taken[producer]?.add(number)
    }
  }
  assert.deepEqual(
    taken.map(({ size }) => size),
    Array.from({ length: PRODUCERS }, () => COUNT),
  )
}

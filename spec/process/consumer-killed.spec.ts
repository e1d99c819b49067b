import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue } from '../../lib/index.ts'
import { counting } from '../layers.ts'
import type { Body, Numbered } from './part.ts'
import { long, newPlace, startPart } from './parts.ts'
import { newSeed, randomFrom } from './random.ts'

const ROUNDS = long(61, 1)
const STOCK = 40_000

interface Seen {
  readonly number: number
  /** Milliseconds of the consumer's own clock. */
  readonly at: number
}

interface Victim {
  readonly folder: string
  readonly body: Body
  readonly random: () => number
  readonly early: boolean
}

/** How many of the items that a consumer had begun the next one may meet again. */
const allowed: Record<Body, (seen: readonly Seen[]) => number> = {
  slow: () => 1, // the one in hand
  fast: (seen) => 1 + 64 + seen.filter(({ at }) => at > (seen.at(-1)?.at ?? 0) - 1).length,
  mixed: (seen) => allowed.fast(seen),
}

function seenIn(lines: readonly string[]): Seen[] {
  return lines.map((line) => {
    const [number, at] = line.split(' ').map(Number)
    return { number: number ?? Number.NaN, at: at ?? Number.NaN }
  })
}

/** Ready items again up to the stock; resolves to the number behind the last. */
async function restock(folder: string, next: number): Promise<number> {
  await using queue = await AsyncQueue.open<Numbered>(folder, { durability: 'os' })
  queue.on('corruption', (corruption) => assert.fail(`a crash was taken for damage: ${JSON.stringify(corruption)}`))
  const missing = STOCK - (await queue.size())
  const items = Array.from({ length: Math.max(0, missing) }, (_, i) => ({ number: next + i }))
  await queue.putMany(items)
  return next + items.length
}

/** Starts a consumer and kills it: soon after its start, or when it has reached its speed. */
async function killConsumer(t: TestContext, { body, folder, random, early }: Victim): Promise<readonly Seen[]> {
  const options = { durability: random() < 0.5 ? ('disk' as const) : ('os' as const) }
  const consumer = startPart(t, 'consume', { folder, options, body })
  await consumer.heard(early ? 1 : 1 + random() * (body === 'slow' ? 40 : 8000))
  await pause(random() * 20)
  await consumer.kill()
  const seen = seenIn(consumer.lines)
  seen.forEach(({ number }, i) => {
    assert.equal(number, (seen[0]?.number ?? 0) + i, 'out of order')
  })
  return seen
}

/** How many items came again, after `before`. */
function repeats(before: readonly Seen[], after: readonly Seen[], body: Body): number {
  const expected = (before.at(-1)?.number ?? -1) + 1
  const repeated = expected - (after[0]?.number ?? Number.NaN)
  assert.ok(repeated >= 0, `${-repeated} items from ${expected} on were skipped`)
  assert.ok(repeated <= allowed[body](before), `${repeated} items were repeated from ${expected - repeated} on`)
  return repeated
}

/** Takes what is left: everything from the last item seen, or the one behind it, to the end. */
async function takeRest(folder: string, last: number, end: number): Promise<void> {
  await using queue = await AsyncQueue.open<Numbered>(folder)
  const left: number[] = []
  for await (const { number } of queue.items({ wait: false })) left.push(number)
  const from = left[0] ?? end
  assert.ok(from <= last + 1)
  assert.deepEqual(
    left,
    Array.from({ length: end - from }, (_, i) => from + i),
  )
  const { ready, inFlight, failed } = await queue.counts()
  assert.deepEqual({ ready, inFlight, failed }, { ready: 0, inFlight: 0, failed: 0 })
}

for (const body of ['fast', 'slow', 'mixed'] as const) {
  it(`the queue skips nothing, and repeats no more than it may, when a ${body} loop is killed`, async (t) => {
    const counted = counting(t, 'processes killed')
    const seed = newSeed()
    t.diagnostic(`seed ${seed}`)
    const random = randomFrom(seed)
    const folder = newPlace(t)
    let end = 0
    let last: readonly Seen[] = []
    let most = 0
    for (let round = 0; round < ROUNDS; round++) {
      if (body !== 'slow' || round === 0) end = await restock(folder, end)
      const seen = await killConsumer(t, { body, folder, random, early: round % 2 === 0 })
      most = Math.max(most, repeats(last, seen, body))
      last = seen
    }
    const taken = (last.at(-1)?.number ?? -1) + 1
    counted(ROUNDS, ROUNDS)
    t.diagnostic(`${ROUNDS} kills, ${taken} items, at most ${most} repeated`)
    await takeRest(folder, taken - 1, end)
  })
}

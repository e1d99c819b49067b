import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue } from '../../lib/index.ts'
import { counting } from '../layers.ts'
import type { Call, Tuning } from './part.ts'
import { long, newPlace, startPart } from './parts.ts'
import { newSeed, randomFrom } from './random.ts'

const ROUNDS = long(61, 1)

/** Judges what comes out of the queue against what the producers were told. */
class Judge {
  /** Calls that had resolved and whose items have not come out yet, as `round/call`. */
  readonly #owed = new Set<string>()
  #last = { round: -1, call: -1, part: 0, of: 1 }
  seen = 0

  resolved(round: number, call: string): void {
    this.#owed.add(`${round}/${call}`)
  }

  came(item: Call): void {
    const { round, call, part, of } = item
    const last = this.#last
    const isNext = round === last.round && call === last.call && part === last.part + 1 && of === last.of
    const isLater = part === 0 && last.part === last.of - 1 && (round - last.round || call - last.call) > 0
    assert.ok(isNext || isLater, `${text(item)} came behind ${text(last)}`)
    this.#last = { round, call, part, of }
    this.#owed.delete(`${round}/${call}`)
    this.seen++
  }

  drained(): void {
    assert.equal(this.#last.part, this.#last.of - 1, `the last call came in part: ${text(this.#last)}`)
    assert.deepEqual([...this.#owed], [], 'calls that had resolved, and whose items are gone')
  }
}

function text({ round, call, part, of }: Omit<Call, 'filler'>): string {
  return `round ${round} call ${call} part ${part} of ${of}`
}

async function drain(folder: string, judge: Judge): Promise<void> {
  await using queue = await AsyncQueue.open<Call>(folder)
  queue.on('corruption', (corruption) => assert.fail(`a crash was taken for damage: ${JSON.stringify(corruption)}`))
  for (let items = await queue.pop(500); items.length > 0; items = await queue.pop(500)) {
    for (const item of items) judge.came(item)
  }
  judge.drained()
  assert.equal((await queue.stats()).lost, 0)
}

const kinds: Record<string, Tuning> = {
  'with defaults': {},
  'that keeps small segments': { segmentSize: 64 * 1024, flushLimit: 32 * 1024, durability: 'os' },
  'synced at intervals': { durability: { interval: 5 }, segmentSize: 1024 * 1024 },
}

for (const [kind, options] of Object.entries(kinds)) {
  it(`the queue ${kind} holds what was put, whole and in order, when its producer is killed`, async (t) => {
    const counted = counting(t, 'processes killed')
    const seed = newSeed()
    t.diagnostic(`seed ${seed}`)
    const random = randomFrom(seed)
    const folder = newPlace(t)
    const judge = new Judge()
    let calls = 0
    for (let round = 0; round < ROUNDS; round++) {
      const producer = startPart(t, 'produce', { folder, options, round, seed: seed + round })
      // Now and then while it opens; the first one puts at least once.
      if (round > 0 && random() < 0.15) await pause(40 + random() * 80)
      else await producer.heard(round === 0 ? 2 : 1).then(() => pause(random() * (round % 2 === 0 ? 50 : 300)))
      await producer.kill()
      for (const line of producer.lines.slice(1)) judge.resolved(round, line)
      calls += Math.max(0, producer.lines.length - 1)
      if (round % 4 === 3 || round === ROUNDS - 1) await drain(folder, judge)
    }
    counted(ROUNDS, ROUNDS)
    t.diagnostic(`${ROUNDS} kills, ${calls} calls resolved, ${judge.seen} items came out`)
    assert.ok(calls > 0)
  })
}

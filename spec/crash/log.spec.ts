// log.spec.ts: no crash in any short workload makes the log break a promise. `npm test` tries a slice: every short
// word, a few states at each point; `npm run check` every state of every word of up to SPOOLQ_CRASH_STEPS steps, and
// some of longer ones. A name in a failure is run again by `tryNamed` of battery.ts.

import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it, type TestContext } from 'node:test'
import type { BatteryOptions } from './battery.ts'
import { type Share, tryWords } from './crew.ts'
import { randomOf } from './digest.ts'
import { ALPHABET, words } from './workloads.ts'

const CHECK = process.env.SPOOLQ_CHECK === '1'
const STEPS = Number(process.env.SPOOLQ_CRASH_STEPS ?? 3)
const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
const WORKERS = CHECK ? availableParallelism() : 1
const SHOWN = 5

function upTo(length: number): string[] {
  return Array.from({ length: length + 1 }, (_, i) => [...words(i)]).flat()
}

/** Long words by chance, each begun with puts. */
function longWords(count: number, length: number): string[] {
  const random = randomOf(SEED)
  const letter = () => ALPHABET[random(ALPHABET.length)] ?? '1'
  return Array.from({ length: count }, () => `3B${Array.from({ length: length - 2 }, letter).join('')}`)
}

async function battery(
  t: TestContext,
  durability: Share['durability'],
  { words, options, least }: Plan,
): Promise<void> {
  const start = performance.now()
  const { states, failures } = await tryWords({ durability, words, options }, WORKERS)
  const rate = Math.round(states / ((performance.now() - start) / 1000))
  t.diagnostic(`${words.length} words, ${states} states, ${rate} a second, seed ${SEED}`)
  const told = failures.slice(0, SHOWN).map(({ name, wrong }) => `${name}\n    ${wrong.join('\n    ')}`)
  assert.equal(failures.length, 0, `${failures.length} states are wrong:\n${told.join('\n')}`)
  assert.ok(states >= least, `only ${states} states: the battery has shrunk`)
}

/** Words, how their states are chosen, and how many states that has to make at least. */
interface Plan {
  readonly words: readonly string[]
  readonly options: BatteryOptions
  readonly least: number
}

function plan(quick: Plan, full: () => Plan): Plan {
  return CHECK ? full() : quick
}

describe('the log, after a crash', () => {
  it("keeps every promise of durability 'disk', in all states of short words", (t) => {
    const quick = { words: upTo(2), options: { seed: SEED, limit: 3 }, least: 1500 }
    return battery(
      t,
      'disk',
      plan(quick, () => ({ words: upTo(STEPS), options: { seed: SEED }, least: 500_000 })),
    )
  })

  it("keeps every promise of durability 'os'", (t) => {
    const quick = { words: upTo(1), options: { seed: SEED, limit: 4 }, least: 300 }
    return battery(
      t,
      'os',
      plan(quick, () => ({ words: upTo(STEPS - 1), options: { seed: SEED }, least: 100_000 })),
    )
  })

  it('keeps them when it crashes again while it recovers', (t) => {
    const again = { every: 25, limit: 4 }
    const quick = { words: upTo(1), options: { seed: SEED, limit: 3, again }, least: 400 }
    const full = { seed: SEED, limit: 20, again: { every: 10, limit: 4 } }
    return battery(
      t,
      'disk',
      plan(quick, () => ({ words: upTo(STEPS - 1), options: full, least: 50_000 })),
    )
  })

  it('keeps them in some states of longer words', (t) => {
    const quick = { words: longWords(3, 12), options: { seed: SEED, limit: 4 }, least: 100 }
    const full = () => [...words(STEPS + 1), ...longWords(200, 40)]
    return battery(
      t,
      'disk',
      plan(quick, () => ({ words: full(), options: { seed: SEED, limit: 6 }, least: 300_000 })),
    )
  })
})

// log.spec.ts: no crash in any short workload makes the log break a promise. `npm test` tries a slice: every short
// word, a few states at each point; `npm run check` every state of every word of up to SPOOLQ_CRASH_STEPS steps, and
// some of longer ones. A name in a failure is run again by `tryNamed` of battery.ts.

import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it, type TestContext } from 'node:test'
import { type BatteryOptions, tryNamed } from './battery.ts'
import { type Share, tryWords } from './crew.ts'
import { randomOf } from './digest.ts'
import { logSubject } from './log-subject.ts'
import { regressions } from './regressions.ts'
import { ALPHABET, SLOW, words } from './workloads.ts'

const CHECK = process.env.SPOOLQ_CHECK === '1'
const STEPS = Number(process.env.SPOOLQ_CRASH_STEPS ?? 3)
const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
const WORKERS = CHECK ? availableParallelism() : 1
const SHOWN = 5

function upTo(length: number): string[] {
  return Array.from({ length: length + 1 }, (_, i) => [...words(i)]).flat()
}

/** Every n-th, others for each seed, so that there are about so many. */
function some(all: readonly string[], count: number): string[] {
  const step = Math.ceil(all.length / count)
  return all.filter((_, i) => i % step === SEED % step)
}

/** Long words by chance, each begun with puts, every other one with slow syncs: cursors fill, segments roll and go. */
function longWords(count: number, length: number): string[] {
  const random = randomOf(SEED)
  const letter = () => ALPHABET[random(ALPHABET.length)] ?? '1'
  const word = () => `3B${Array.from({ length: length - 2 }, letter).join('')}`
  return Array.from({ length: count }, (_, i) => (i % 2 === 0 ? word() : SLOW + word()))
}

function slowly(all: readonly string[]): string[] {
  return all.map((word) => SLOW + word)
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

describe('the queue, after a crash', () => {
  it('keeps its promises in the states that once broke one', async () => {
    for (const durability of ['disk', 'os'] as const) {
      for (const name of regressions[durability]) {
        const wrong = await tryNamed(name, logSubject(durability))
        assert.deepEqual(wrong, [], name)
      }
    }
  })

  it("keeps every promise of durability 'disk', in all states of short words", (t) => {
    const quick = { words: some(upTo(2), 30), options: { seed: SEED, limit: 4 }, least: 500 }
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
    const again = { every: 60, limit: 4 }
    const quick = { words: upTo(1), options: { seed: SEED, limit: 3, again }, least: 250 }
    const full = { seed: SEED, limit: 20, again: { every: 10, limit: 4 } }
    return battery(
      t,
      'disk',
      plan(quick, () => ({ words: upTo(STEPS - 1), options: full, least: 50_000 })),
    )
  })

  for (const durability of ['disk', 'os'] as const) {
    it(`keeps those of '${durability}' while syncs take long`, (t) => {
      const quick = { words: slowly(upTo(1)), options: { seed: SEED, limit: 3 }, least: 200 }
      const full = { seed: SEED, limit: 200 }
      return battery(
        t,
        durability,
        plan(quick, () => ({ words: slowly(upTo(STEPS - 1)), options: full, least: 50_000 })),
      )
    })

    it(`keeps those of '${durability}' in some states of long words`, (t) => {
      const quick = { words: longWords(1, 12), options: { seed: SEED, limit: 1, whole: true }, least: 50 }
      const full = { seed: SEED, limit: 4, whole: true }
      return battery(
        t,
        durability,
        plan(quick, () => ({ words: longWords(100, 40), options: full, least: 80_000 })),
      )
    })
  }

  if (CHECK) {
    it('keeps them in some states of every word of one step more', (t) =>
      battery(t, 'disk', { words: [...words(STEPS + 1)], options: { seed: SEED, limit: 3 }, least: 200_000 }))
  }
})

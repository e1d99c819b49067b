// log.spec.ts: no crash in any short workload makes the log break a promise. `npm test` tries a slice: every short
// word, a few states at each point; `npm run check` all of these:
//
//      words of up to 2 steps               every state, 'disk' and 'os'
//      of 3 steps, of the ISSUED letters    every state, but for the bytes of lock and owner files
//      of 4 steps, of the ISSUED letters    at each point up to 48 power cuts and 48 kills, others for each SPOOLQ_SEED
//      slow syncs, words of 40 steps, words of other letters: some states at each point
//
// A state that fails is run alone by the line that is printed with it (one.spec.ts).

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { CHECK, counting } from '../layers.ts'
import type { BatteryOptions } from './battery.ts'
import { handFor, shared, tell } from './crew.ts'
import { randomOf } from './digest.ts'
import type { SubjectName } from './log-subject.ts'
import { regressions } from './regressions.ts'
import { WIDE_ALPHABET } from './wide-steps.ts'
import { ALPHABET, CALM, SLOW, words } from './workloads.ts'

const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
/** Put one, three and a big one, pop one and three, lease and settle out of order, flush (which rolls), reopen. */
const ISSUED = '13BpnLfo'

function upTo(length: number): string[] {
  return Array.from({ length: length + 1 }, (_, i) => [...words(i)]).flat()
}

function flagged(flag: string, all: Iterable<string>): string[] {
  return [...all].map((word) => flag + word)
}

/** Words with a step that the others don't have, behind a put of three. */
function wideWords(length: number): string[] {
  const all = [...words(length + 1, WIDE_ALPHABET)].filter((word) => word.startsWith('3'))
  return all.filter((word) => /[FRXTDWcMmd]/.test(word)).map((word) => CALM + word)
}

/** The same behind a put that is safe, whatever the durability. */
function wideOsWords(length: number): string[] {
  return wideWords(length).map((word) => word.replace('3', '3o'))
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

/** Of each part; all parts together have a figure of their own (layers.ts). */
const LEAST = Object.freeze({
  two: 110_000,
  three: 130_000,
  four: 400_000,
  os: 160_000,
  wide: 12_000,
  wideOs: 3000,
  slow: 15_000,
  long: 12_000,
})

/** Words, how their states are chosen, and how many states that has to make at least. */
interface Plan {
  readonly words: readonly string[]
  readonly options: BatteryOptions
  readonly least: number
}

async function battery(t: TestContext, subject: SubjectName, plans: { quick: Plan; full: () => Plan }): Promise<void> {
  const { words, options, least } = CHECK ? plans.full() : plans.quick
  const counted = counting(t, 'crash states')
  const countedAgain = options.again ? counting(t, 'crashes while recovering and compacting') : undefined
  const start = performance.now()
  const task = { hand: 'words', subject, options: { seed: SEED, ...options } } as const
  const outcome = await shared(task, words, CHECK ? undefined : 0)
  const rate = Math.round((outcome.states + outcome.again) / ((performance.now() - start) / 1000))
  t.diagnostic(`${words.length} words, ${outcome.states} states, ${outcome.again} in what followed one`)
  t.diagnostic(`${outcome.disks} disks, ${rate} states a second, seed ${SEED}`)
  assert.equal(outcome.failures.length, 0, await tell(task, outcome))
  if (!countedAgain) return counted(outcome.states, least)
  counted(outcome.states)
  countedAgain(outcome.again, least)
}

describe('the queue, after a crash', () => {
  it('keeps its promises in the cases that once broke one', async () => {
    for (const { hand, subject, names } of regressions) {
      const tried = handFor({ hand, subject, options: {} })
      for (const name of names) assert.deepEqual(await tried.named(name), [], name)
    }
  })

  it("keeps every promise of durability 'disk', in all states of words of two steps", (t) =>
    battery(t, 'disk', {
      quick: { words: some(upTo(2), 10), options: { limit: 2 }, least: 80 },
      full: () => ({ words: upTo(2), options: {}, least: LEAST.two }),
    }))

  it('keeps them in all states of words of three steps', (t) =>
    battery(t, 'disk', {
      quick: { words: some(flagged(CALM, words(3)), 6), options: { limit: 2 }, least: 30 },
      full: () => ({ words: flagged(CALM, words(3, ISSUED)), options: {}, least: LEAST.three }),
    }))

  it('keeps them in states of all words of four steps', (t) =>
    battery(t, 'disk', {
      quick: { words: some(flagged(CALM, words(4, ISSUED)), 6), options: { limit: 2 }, least: 30 },
      full: () => ({ words: flagged(CALM, words(4, ISSUED)), options: { coarse: true, limit: 48 }, least: LEAST.four }),
    }))

  it("keeps every promise of durability 'os'", (t) =>
    battery(t, 'os', {
      quick: { words: upTo(1), options: { limit: 2 }, least: 150 },
      full: () => ({ words: upTo(2), options: {}, least: LEAST.os }),
    }))

  it('keeps them when it crashes again while it recovers and compacts', (t) =>
    battery(t, 'disk', {
      quick: { words: some(upTo(1), 12), options: { limit: 2, again: { every: 40, limit: 2 } }, least: 10 },
      full: () => ({ words: upTo(2), options: { limit: 20, again: { every: 4, limit: 5 } }, least: 200_000 }),
    }))

  it('keeps them where items fail, are retried, delayed, bounded and kept for the record', (t) =>
    battery(t, 'wide', {
      quick: { words: some(wideWords(2), 7), options: { limit: 1 }, least: 25 },
      full: () => ({
        words: [...wideWords(1), ...wideWords(2), ...some(wideWords(3), 200)],
        options: { limit: 8 },
        least: LEAST.wide,
      }),
    }))

  it("keeps those of 'os' there", (t) =>
    battery(t, 'wide-os', {
      quick: { words: some(wideOsWords(2), 6), options: { limit: 1 }, least: 25 },
      full: () => ({
        words: [...wideOsWords(1), ...some(wideOsWords(2), 120)],
        options: { limit: 8 },
        least: LEAST.wideOs,
      }),
    }))

  for (const subject of ['disk', 'os'] as const) {
    it(`keeps those of '${subject}' while syncs take long`, (t) =>
      battery(t, subject, {
        quick: { words: flagged(SLOW, upTo(1)), options: { limit: 1 }, least: 50 },
        full: () => ({ words: flagged(SLOW, upTo(2)), options: { limit: 60 }, least: LEAST.slow }),
      }))

    it(`keeps those of '${subject}' in some states of long words`, (t) =>
      battery(t, subject, {
        quick: { words: longWords(1, 12), options: { limit: 1, whole: true }, least: 50 },
        full: () => ({ words: longWords(16, 40), options: { limit: 3, whole: true }, least: LEAST.long }),
      }))
  }
})

// faults.spec.ts: whatever call to the disk fails, and however, the log tells it, keeps its promises, leaves no file open,
// and works again when the cause is gone. `npm test` tries a few short words; `npm run check` every call of the words
// below, once and for ever, and every sync of every short word, with its data lost, kept and half of each.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { CHECK, counting, type Layer } from '../layers.ts'
import { shared, type Task, tell } from './crew.ts'
import { ALPHABET, words } from './workloads.ts'

const SEED = Number(process.env.SPOOLQ_SEED ?? 1)

/** Each step behind each kind of put, and in three long ones what takes several: rolls, rewrites, files left behind. */
const WORDS = [
  ...['3nfAn', 'Axox3', 'A33pB', 'ABrf1', 'xfpAr', '31AoL', 'BonLB', 'AA1p1', 'Bx1rB', '3BL3A', '3o1BA', '3LnAf'],
  ...['xnB13', 'Bnn3r', 'xApoB', 'Bfxrn', '1op3f', '1LpfB', '11xLr', 'ALof3', 'xpnoA', '3xBB3', '3Lfr3', '1for1'],
  ...['BpL1n', 'xxB3n', 'xAxfn', '3p1nofBLo', 'rnL1fpBfo', 'BpBpfn3o'],
]
/** The kinds of put. */
const PUTS = '13BAx'

interface Plan {
  readonly hand: Task['hand']
  readonly words: readonly string[]
  readonly limit: number
  readonly step?: number
  readonly least: number
}

async function faults(t: TestContext, layer: Layer, { hand, words, limit, step = 1, least }: Plan): Promise<void> {
  const counted = counting(t, layer)
  const task = { hand, subject: 'disk', options: { seed: SEED, limit, step } } as const
  const outcome = await shared(task, words, CHECK ? undefined : 0)
  t.diagnostic(`${words.length} words, ${outcome.states} faults, ${outcome.again} crashes after them`)
  assert.equal(outcome.failures.length, 0, await tell(task, outcome))
  counted(outcome.states, least)
}

describe('the queue, on a disk that fails,', () => {
  it('goes on after any call', (t) =>
    faults(
      t,
      'failing calls',
      CHECK
        ? { hand: 'calls', words: WORDS, limit: 1, least: 50_000 }
        : { hand: 'calls', words: ['1'], limit: 1, step: 31, least: 15 },
    ))

  it('lets no later sync count for one that failed', (t) =>
    faults(
      t,
      'failing syncs',
      CHECK
        ? { hand: 'syncs', words: [...words(1), ...words(2), ...words(3, '13BpLfo'), ...WORDS], limit: 1, least: 7000 }
        : { hand: 'syncs', words: ['p'], limit: 1, least: 5 },
    ))

  it('has every step behind each kind of put among those', () => {
    const tried = new Set(WORDS.flatMap((word) => [...word].map((_, i) => word.slice(i, i + 2))))
    for (const put of PUTS) for (const letter of ALPHABET) assert.ok(tried.has(put + letter), put + letter)
    assert.ok(new Set(WORDS).size >= 20)
  })
})

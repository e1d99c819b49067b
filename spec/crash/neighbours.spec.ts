// neighbours.spec.ts: a process that dies at any call of any step, in the middle of a write or before it, is no hindrance
// for the others: what was safe stays, what it held is ready again, puts and takes go on, nothing is left. And whatever
// crashes then, or while two of them are in the middle of their steps, breaks no promise.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { CHECK, counting } from '../layers.ts'
import { shared, tell } from './crew.ts'
import { ALPHABET } from './workloads.ts'

const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
const LETTERS = [...ALPHABET]
/** Opening alone, or with one step more. */
const DEATHS = ['', ...LETTERS].map((step) => `death:${step}`)
const PAIRS = LETTERS.flatMap((one) => LETTERS.map((other) => `pair:${one}:${other}`))

interface Plan {
  readonly pieces: readonly string[]
  readonly limit: number
  readonly step?: number
  readonly least: number
}

async function crashes(t: TestContext, { pieces, limit, step = 1, least }: Plan): Promise<void> {
  const counted = counting(t, 'crashes with a second process in its step')
  const task = { hand: 'neighbours', subject: 'disk', options: { seed: SEED, limit, step } } as const
  const outcome = await shared(task, pieces, CHECK ? undefined : 0)
  t.diagnostic(`${pieces.length} pieces, ${outcome.again} deaths, ${outcome.states} states, ${outcome.disks} disks`)
  assert.equal(outcome.failures.length, 0, await tell(task, outcome))
  counted(outcome.states, least)
}

describe('the queue, with a process beside it,', () => {
  it('goes on when that one dies, and keeps its promises in a crash after it', (t) =>
    crashes(
      t,
      CHECK ? { pieces: DEATHS, limit: 4, least: 50_000 } : { pieces: ['death:L'], limit: 1, step: 23, least: 50 },
    ))

  it('keeps its promises in a crash that meets both in the middle of their steps', (t) =>
    crashes(
      t,
      CHECK
        ? { pieces: PAIRS, limit: 24, least: 45_000 }
        : { pieces: PAIRS.filter((_, i) => i % 20 === SEED % 20), limit: 1, least: 50 },
    ))
})

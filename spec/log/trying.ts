// trying.ts: one kind of damage after the other, counted for the proof's summary (layers.ts).

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { counting, type Layer } from '../layers.ts'
import { type Damage, type Expected, examine, newTally } from './examine.ts'
import type { SmallQueue } from './small-queue.ts'

const SHOWN = 10

export interface Trying extends Expected {
  /** Default: damage of other kinds than flipped bits. */
  readonly layer?: Layer
}

/** Each bit flipped. */
export const flipped = { layer: 'flipped bits' } as const

/** Tries each damage, and tells how much was tried and what it did. */
export async function tryAll(
  t: TestContext,
  queue: SmallQueue,
  damages: Iterable<Damage>,
  { layer = 'bytes, cuts, sectors and files damaged', ...expected }: Trying = {},
): Promise<void> {
  const counted = counting(t, layer)
  const tally = newTally()
  const wrong: string[] = []
  for (const damage of damages) wrong.push(...(await examine(queue, damage, expected, tally)))
  t.diagnostic(JSON.stringify(tally))
  assert.equal(wrong.length, 0, `${wrong.length} are wrong:\n${wrong.slice(0, SHOWN).join('\n')}`)
  counted(tally.trials)
}

// pairing.ts: two options together: the tests of the table of pairs (spec/option-pairs).

import { describe, it } from 'node:test'
import type { Tried } from '../option-pairs/row.ts'
import { table } from '../option-pairs/table.ts'
import type { MakePlace, Place } from './place.ts'

/** Many of them wait for a lease to end. */
const BESIDE = 6

export function pairing(place: MakePlace, isTried: (tried: Tried) => boolean): void {
  describe('with two options together', { concurrency: BESIDE }, () => {
    const done = new Set<Tried>()
    for (const { pair, is } of table) {
      if (!('trial' in is) || done.has(is) || !isTried(is)) continue
      done.add(is)
      it(`${pair.join(' × ')}: ${is.title}`, () => is.trial(() => unsynced(place)))
    }
  })
}

/** None of them is about what a power cut leaves. */
async function unsynced(place: MakePlace): Promise<Place> {
  const where = await place()
  return { ...where, open: (options) => where.open({ durability: 'os', ...options }) }
}

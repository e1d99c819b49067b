// damage-cursor.spec.ts: every kind of damage to every byte of a small queue's cursor files, in memory. What must come of
// it stands in examine.ts. `npm test` tries a slice of it, `npm run check` all of it.

import { before, describe, it } from 'node:test'
import { CHECK } from '../layers.ts'
import type { Damage } from './examine.ts'
import { bytesSet, cuts, fills, flips, sectors } from './mutations.ts'
import { type SmallQueue, smallQueue } from './small-queue.ts'
import { flipped, tryAll } from './trying.ts'

const KINDS = ['rolled', 'young', 'killed'] as const
type Kind = (typeof KINDS)[number]

/** All of something, or every so many of it; of the queues that are like the first, a quarter. */
const every = (kind: Kind, step: number) => (!CHECK ? 8 * step + 1 : kind === 'rolled' ? 1 : 4)

const CURSORS = ['/q/cursor.0', '/q/cursor.1']

function* inBoth(damages: (path: string) => Iterable<Damage>): Generator<Damage> {
  for (const path of CURSORS) yield* damages(path)
}

for (const kind of KINDS) {
  describe(`the queue, with a damaged cursor (${kind}),`, () => {
    let queue: SmallQueue
    before(async () => {
      queue = await smallQueue(kind)
    })

    it('loses nothing by a flipped bit; what it delivers again it tells', (t) =>
      tryAll(
        t,
        queue,
        inBoth((path) => flips(queue, path, every(kind, 211))),
        { ...flipped, repeats: 'told' },
      ))

    it('loses nothing by a byte of 00 or FF; what it delivers again it tells', async (t) => {
      await tryAll(
        t,
        queue,
        inBoth((path) => bytesSet(queue, path, 0x00, every(kind, 17))),
        { repeats: 'told' },
      )
      await tryAll(
        t,
        queue,
        inBoth((path) => bytesSet(queue, path, 0xff, every(kind, 67))),
        { repeats: 'told' },
      )
    })

    it('loses nothing by what is cut off', (t) => {
      const repeats = kind === 'rolled' ? 'told' : 'silent'
      return tryAll(
        t,
        queue,
        inBoth((path) => cuts(queue, path, every(kind, 89))),
        { repeats },
      )
    })

    it('loses nothing by zeros, garbage, and sectors in the wrong place', async (t) => {
      for (const value of [0x00, 0xa5]) {
        await tryAll(
          t,
          queue,
          inBoth((path) => fills(queue, path, 512, value)),
          { repeats: 'silent' },
        )
        await tryAll(
          t,
          queue,
          inBoth((path) => fills(queue, path, 4096, value)),
          { repeats: 'told' },
        )
        await tryAll(
          t,
          queue,
          inBoth((path) => fills(queue, path, 100, value, every(kind, 59))),
          { repeats: 'silent' },
        )
      }
      await tryAll(
        t,
        queue,
        inBoth((path) => sectors(queue, path, 'doubled')),
        { repeats: 'silent' },
      )
      await tryAll(
        t,
        queue,
        inBoth((path) => sectors(queue, path, 'swapped')),
        { repeats: 'silent' },
      )
    })
  })
}

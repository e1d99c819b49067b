// damage.spec.ts: every kind of damage to every byte of a small queue's segments, in memory. What must come of it stands
// in examine.ts. `npm test` tries a slice of it, `npm run check` all of it.

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { CHECK } from '../layers.ts'
import type { Damage } from './examine.ts'
import { bytesSet, cuts, fills, flips, sectors } from './mutations.ts'
import { type SmallQueue, smallQueue } from './small-queue.ts'
import { flipped, tryAll } from './trying.ts'

/** All of something, or every so many of it. */
const all = (step: number) => (CHECK ? 1 : 8 * step + 1)

for (const kind of ['rolled', 'young'] as const) {
  /** But for flips, of the queue that is like the first, a half. */
  const every = (step: number) => (CHECK && kind === 'young' ? 2 : all(step))
  describe(`the queue, with a damaged segment (${kind}),`, () => {
    let queue: SmallQueue
    let segments: readonly string[]
    before(async () => {
      queue = await smallQueue(kind)
      segments = queue.paths.filter((path) => /^\/q\/\d+\.\d\.log$/.test(path))
    })

    function* inSegments(damages: (path: string) => Iterable<Damage>): Generator<Damage> {
      for (const path of segments) yield* damages(path)
    }

    it('has sealed, rewritten and open segments to be damaged', () => {
      assert.deepEqual(
        segments.map((path) => path.slice(-6)),
        kind === 'rolled' ? ['.1.log', '.0.log', '.0.log'] : ['.2.log', '.1.log', '.0.log'],
      )
      for (const path of segments.slice(0, 2))
        assert.ok(queue.frames.some((frame) => frame.path === path && frame.ready.length > 1))
    })

    it('loses the batch that a flipped bit hit, and nothing else', (t) =>
      tryAll(
        t,
        queue,
        inSegments((path) => flips(queue, path, all(173))),
        flipped,
      ))

    it('loses the batch of which a byte is 00 or FF, and nothing else', async (t) => {
      await tryAll(
        t,
        queue,
        inSegments((path) => bytesSet(queue, path, 0x00, every(53))),
        {},
      )
      await tryAll(
        t,
        queue,
        inSegments((path) => bytesSet(queue, path, 0xff, every(53))),
        {},
      )
    })

    it('loses what is cut off its end, and nothing else', (t) =>
      tryAll(
        t,
        queue,
        inSegments((path) => cuts(queue, path, every(61))),
        {},
      ))

    it('loses the batches that zeros or garbage hit, and nothing else', async (t) => {
      for (const value of [0x00, 0xa5]) {
        await tryAll(
          t,
          queue,
          inSegments((path) => fills(queue, path, 512, value)),
          {},
        )
        await tryAll(
          t,
          queue,
          inSegments((path) => fills(queue, path, 4096, value)),
          {},
        )
        await tryAll(
          t,
          queue,
          inSegments((path) => fills(queue, path, 100, value, every(37))),
          {},
        )
      }
    })

    it('loses the batches whose sectors stand elsewhere, and nothing else', async (t) => {
      await tryAll(
        t,
        queue,
        inSegments((path) => sectors(queue, path, 'doubled')),
        {},
      )
      await tryAll(
        t,
        queue,
        inSegments((path) => sectors(queue, path, 'swapped')),
        {},
      )
    })
  })
}

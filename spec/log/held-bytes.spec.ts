// held-bytes.spec.ts: a bound on bytes is held against exactly what is there, whatever happened to it.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { without } from '../../lib/log/held-bytes.ts'
import type { LogStore } from '../../lib/log/log-store.ts'
import { shareOf } from '../../lib/share.ts'
import type { Status } from '../../lib/store.ts'
import { randomOf } from '../crash/digest.ts'
import { ack, leased, numbered, put, QueueRig } from './queue-rig.ts'

/** Bytes of what is held, item by item. */
async function heldBytes(store: LogStore): Promise<number> {
  let bytes = 0
  for (const status of ['ready', 'delayed', 'inFlight'] satisfies Status[]) {
    for (const { piece } of await store.list({ status, after: 0, limit: 1e6 })) {
      for (let n = 0; n < piece.count; n++) bytes += shareOf(piece.document, piece.skip + n, 1)
    }
  }
  return bytes
}

const one = [{ bytes: Buffer.from('[""]'), count: 1 }]

/** The store takes four bytes where there is room for them, and none where one is missing. */
async function holdsExactly(store: LogStore, bytes: number): Promise<void> {
  assert.equal(await store.append(one, { bound: { items: Infinity, bytes: bytes + 3 } }), undefined)
  assert.notEqual(await store.append(one, { bound: { items: Infinity, bytes: bytes + 4 } }), undefined)
}

describe('the bytes that are held', () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`are those of the items, after anything that several handles did (${seed})`, async () => {
      const random = randomOf(seed)
      const rig = new QueueRig()
      const stores = [await rig.open({ segmentSize: 2000 }), await rig.open({ segmentSize: 2000, keepAcked: 7 })]
      const out: [LogStore, number][] = []
      for (let step = 0; step < 150; step++) {
        const store = stores[random(2)]
        assert.ok(store)
        const kind = random(9)
        if (kind < 3) await put(store, numbered(1 + random(12), step, 1 + random(90)), 1 + random(5))
        else if (kind === 3) await store.pop(random(8))
        else if (kind === 4) for (const id of await leased(store, random(9))) out.push([store, id])
        else if (kind === 5) await store.flush()
        else if (kind === 6) await store.delete(random(4))
        else {
          const held = out.splice(random(out.length + 1), 1)[0]
          if (!held) continue
          const [holder, id] = held
          const ids = [{ from: id, to: id }]
          if (kind === 7) await holder.settle([ack(id)])
          else if (random(3) === 0) await holder.settle([{ outcome: 'fail', ids, reason: 'spoilt' }])
          else if (random(2)) await holder.settle([{ outcome: 'back', ids, counted: true }])
          else await holder.settle([{ outcome: 'toBack', ids }])
        }
        const bytes = await heldBytes(store)
        assert.equal((await store.stats()).bytes, bytes)
        if (step % 5 === 0) await holdsExactly(store, bytes)
      }
      for (const store of stores) await store.close()
      const again = await rig.open()
      await holdsExactly(again, await heldBytes(again))
      await again.close()
    })
  }

  it('of ranges without others are those that are in none of them', () => {
    const random = randomOf(9)
    for (let round = 0; round < 300; round++) {
      const [some, others] = [bits(random), bits(random)]
      const left = some.map((bit, at) => bit && !others[at])
      assert.deepEqual(without(rangesOf(some), rangesOf(others)), rangesOf(left))
    }
  })
})

function bits(random: (limit: number) => number): boolean[] {
  return Array.from({ length: 20 }, () => random(2) === 0)
}

function rangesOf(set: readonly boolean[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  for (const [at, bit] of set.entries()) {
    const last = ranges.at(-1)
    if (!bit) continue
    if (last?.to === at - 1) last.to = at
    else ranges.push({ from: at, to: at })
  }
  return ranges
}

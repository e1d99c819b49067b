// walk.spec.ts: how far a walk reads ahead.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Walk } from '../../lib/map/walk.ts'
import type { PageOptions } from '../../lib/map-store.ts'

/** A map of so many keys, of which each entry that is read is counted. */
function counted(count: number): { walk: Walk<number>; change: () => void; read: () => number } {
  let [changes, read] = [0, 0]
  const page = async ({ after, entries }: PageOptions) => {
    const found = Array.from({ length: Math.min(entries, count - after) }, (_, i) => after + i + 1)
    read += found.length
    return found.map((place) => ({ key: `${place}`, place, bytes: new Uint8Array() }))
  }
  const walk = new Walk({ page, changes: () => changes }, { values: true, of: ({ place }) => place })
  const change = (): void => {
    changes += 1
  }
  return { walk, change, read: () => read }
}

describe('a walk', () => {
  it('reads ahead while nothing changes, and hardly where each step changes something', async () => {
    const steps = 1000
    const [still, changed] = [counted(steps), counted(steps)]
    for (let step = 1; step <= steps; step += 1) {
      assert.deepEqual(await still.walk.next(), { value: step, done: false })
      assert.deepEqual(await changed.walk.next(), { value: step, done: false })
      changed.change()
    }
    assert.equal(still.read(), steps)
    assert.ok(changed.read() <= steps + 16, `${changed.read()} entries were read for ${steps} steps`)
  })

  it('that is left while a page is read hands out nothing of it', async () => {
    let answer = (): void => {}
    const page = async () => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return [{ key: 'a', place: 1, bytes: new Uint8Array() }]
    }
    const walk = new Walk({ page, changes: () => 0 }, { values: false, of: ({ key }) => key })
    const [next, left] = [walk.next(), walk.return()]
    answer()
    assert.deepEqual(await Promise.all([next, left, walk.next()]), Array(3).fill({ value: undefined, done: true }))
  })
})

// deadlines.spec.ts: what comes first in time, of ids that get one, get another one, and have none any more.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Deadlines } from '../../lib/memory/deadlines.ts'
import { randomOf } from '../crash/digest.ts'

it('deadlines come in their order, each id by the time that it has now, and what is over takes no memory', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = randomOf(seed)
  const times = new Map<number, number>()
  let looks = 0
  const deadlines = new Deadlines((id) => {
    looks += 1
    return times.get(id)
  })
  const due = (now: number): number[] => [...times].flatMap(([id, time]) => (time <= now ? [id] : []))
  let now = 0
  for (let step = 0; step < 3000; step++) {
    const id = random(200)
    if (random(4) === 0) times.delete(id)
    else {
      times.set(id, now + 1 + random(500))
      deadlines.add(id, times.get(id) ?? 0, times.size)
    }
    now += random(3)
    const wanted = due(now)
    assert.deepEqual([...deadlines.take(now)].sort(), wanted.sort(), `seed ${seed}, step ${step}`)
    for (const one of wanted) times.delete(one)
    const earliest = Math.min(Infinity, ...times.values())
    assert.ok(deadlines.earliest <= earliest, `seed ${seed}, step ${step}`)
  }
  assert.ok(looks < 3000 * 40, `${looks} looks, seed ${seed}`)
})

it('of 100,000 deadlines the few that have come are found without a look at the others', () => {
  let looks = 0
  const deadlines = new Deadlines((id) => {
    looks += 1
    return 1000 + id
  })
  for (let id = 0; id < 100_000; id++) deadlines.add(id, 1000 + id, id + 1)
  looks = 0
  for (let now = 1000; now < 2000; now++) assert.deepEqual([...deadlines.take(now)], [now - 1000])
  assert.equal(looks, 1000)
})

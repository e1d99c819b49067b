// Whoever waits is told at once of what this handle does: not by the store's watch, and not by the slow look that is there
// because a watch may miss something. Here neither tells anything.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { join } from '../../lib/consume/join.ts'
import { Leasing } from '../../lib/consume/leasing.ts'
import { Looking } from '../../lib/consume/looking.ts'
import { Mending } from '../../lib/consume/mending.ts'
import { Putting } from '../../lib/consume/putting.ts'
import { Session } from '../../lib/consume/session.ts'
import { Taking } from '../../lib/consume/taking.ts'
import { fate, turns, until } from '../queue/place.ts'
import { type Limits, Script } from './scripted-store.ts'

interface Deaf {
  readonly script: Script
  readonly watching: () => Promise<void>
}

/** A queue whose store tells of nothing. `watching`: resolves when somebody waits whom only this handle can wake. */
async function deaf(t: TestContext, count: number, limits: Limits = {}): Promise<Deaf> {
  const script = await Script.with(count, limits)
  t.after(() => script.core.close())
  let watched = false
  script.store.watch = () => {
    watched = true
    return Object.assign(() => {}, { mayHaveChanged: () => false })
  }
  return {
    script,
    watching: async () => {
      await until(() => watched)
      await turns()
    },
  }
}

const waits: Readonly<Record<string, (script: Script) => Promise<unknown>>> = {
  get: ({ core }) => new Taking(core).getOne(),
  'get of several': ({ core }) => new Taking(core).get(2, { min: 1 }),
  loop: ({ core }) => new Session(core).next(),
}

/** What makes the only item ready that is in somebody's hands. */
const arrivals: Readonly<Record<string, (script: Script) => Promise<() => Promise<unknown>>>> = {
  'a put': async ({ core }) => {
    const putting = new Putting(core)
    await new Taking(core).popOne()
    return () => putting.one('new')
  },
  'a batch': async ({ core }) => {
    const putting = new Putting(core)
    await new Taking(core).popOne()
    return () => putting.many(['new'])
  },
  'what was written': async ({ core }) => {
    const intake = new Putting(core).intake()
    await new Taking(core).popOne()
    return async () => {
      intake?.add('new')
      await intake?.append()
    }
  },
  'a nack': async ({ core }) => {
    const [delivery] = await new Leasing(core).lease(1, {})
    return async () => delivery?.nack()
  },
  'a nack to the back': async ({ core }) => {
    const [delivery] = await new Leasing(core).lease(1, {})
    return async () => delivery?.nack({ to: 'back' })
  },
  'a loop that is left': async ({ core }) => {
    const session = new Session(core)
    await session.next()
    return () => session.leave()
  },
  'what a loop took ahead': async ({ core, clock }) => {
    const session = new Session(core, { ahead: 2 })
    await new Putting(core).one('ahead')
    const held = await session.next()
    if (held !== undefined) session.ack(held)
    return async () => {
      clock.pass(1)
      await session.leave()
    }
  },
  'a retry of what failed': async ({ core }) => {
    const [delivery] = await new Leasing(core).lease(1, {})
    await delivery?.fail()
    return () => new Mending(core).retry()
  },
}

/** What makes room, and leaves nothing in the queue. */
const departures: Readonly<Record<string, (script: Script) => Promise<() => Promise<unknown>>>> = {
  'a pop of one':
    async ({ core }) =>
    () =>
      new Taking(core).popOne(),
  'a pop of several':
    async ({ core }) =>
    () =>
      new Taking(core).pop(9),
  'a delete':
    async ({ core }) =>
    () =>
      new Taking(core).delete(9),
  'a clear':
    async ({ core }) =>
    () =>
      new Taking(core).clear(),
  'an ack': async ({ core }) => {
    const [delivery] = await new Leasing(core).lease(1, {})
    return async () => delivery?.ack()
  },
  'a failure': async ({ core }) => {
    const [delivery] = await new Leasing(core).lease(1, {})
    return async () => delivery?.fail()
  },
  'an ack of a loop, written behind': async ({ core, clock }) => {
    const session = new Session(core)
    const held = await session.next()
    if (held !== undefined) session.ack(held)
    return async () => clock.pass(1)
  },
  'an ack of a loop, that goes with its next lease': async ({ core }) => {
    const session = new Session(core, { wait: false })
    const held = await session.next()
    if (held !== undefined) session.ack(held)
    return () => session.next()
  },
  'an ack of a batch': async ({ core }) => {
    const session = new Session(core)
    const held = [await session.next()].flatMap((one) => one ?? [])
    return () => session.settle(held, (ids) => ({ outcome: 'ack', ids }))
  },
}

describe('the queue wakes who waits for an item at once', () => {
  for (const [wait, begin] of Object.entries(waits)) {
    for (const [name, prepare] of Object.entries(arrivals)) {
      it(`in a ${wait} for ${name}`, async (t) => {
        const { script, watching } = await deaf(t, 1)
        const act = await prepare(script)
        const waiting = begin(script)
        await watching()
        assert.equal(await fate(waiting), 'pending')
        await act()
        assert.equal(await fate(waiting), 'resolved')
      })
    }
  }
})

describe('the queue wakes at once', () => {
  for (const [wait, begin] of Object.entries(waits)) {
    it(`who waits in a ${wait}, when nothing more can come`, async (t) => {
      const { script, watching } = await deaf(t, 0)
      const waiting = begin(script)
      await watching()
      assert.equal(await fate(waiting), 'pending')
      script.core.endWriting()
      assert.notEqual(await fate(waiting), 'pending')
    })
  }

  it('who joins it, and not while something is delayed', async (t) => {
    const { script, watching } = await deaf(t, 0)
    await new Putting(script.core).one('later', { delay: 1000 })
    const joined = join(script.core)
    assert.equal(await fate(joined), 'pending')
    await watching()
    await new Taking(script.core).clear()
    assert.equal(await fate(joined), 'resolved')
  })

  for (const [name, prepare] of Object.entries(departures)) {
    for (const maxAttempts of [Infinity, 3]) {
      const limited = maxAttempts === Infinity ? '' : ', where attempts are limited'
      it(`who waits for room, and then who joins it, by ${name}${limited}`, async (t) => {
        const { script, watching } = await deaf(t, 1, { maxSize: 1, maxAttempts })
        const act = await prepare(script)
        const put = new Putting(script.core).one('new')
        const joined = join(script.core)
        await watching()
        assert.equal(await fate(put), 'pending')
        await act()
        assert.equal(await fate(put), 'resolved')
        assert.equal(await new Looking(script.core).size(), 1)
        assert.equal(await fate(joined), 'pending')
        await new Taking(script.core).popOne()
        assert.equal(await fate(joined), 'resolved')
      })

      it(`who joins it, by ${name}${limited}`, async (t) => {
        const { script, watching } = await deaf(t, 1, { maxAttempts })
        const act = await prepare(script)
        const joined = join(script.core)
        await watching()
        assert.equal(await fate(joined), 'pending')
        await act()
        assert.equal(await fate(joined), 'resolved')
      })
    }
  }

  it('who waits for room, when an update leaves some', async (t) => {
    const { script, watching } = await deaf(t, 0, { maxBytes: 20 })
    const putting = new Putting(script.core)
    const id = await putting.one('0123456789')
    const put = putting.one('0123456789')
    await watching()
    assert.equal(await fate(put), 'pending')
    await new Mending(script.core).update(id ?? 0, putting.encode(['0']))
    assert.equal(await fate(put), 'resolved')
  })
})

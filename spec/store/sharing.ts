// sharing.ts: several handles of one place, at once or one after the other.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CodecMismatchError, SettledError } from '../../lib/errors.ts'
import type { Settlement } from '../../lib/store.ts'
import { pause } from '../../lib/wait/pause.ts'
import { ack, type MakePlace, pair, told, words } from './words.ts'

export function sharing(place: MakePlace): void {
  it('is shared by its handles: each item goes to one of them', async () => {
    const [one, other] = await pair(place)
    await one.append([words('a', 'b', 'c')])
    assert.deepEqual(told(await other.lease(1)), ['1 a'])
    assert.deepEqual(told(await one.pop(1)), ['2 b'])
    await assert.rejects(one.settle([ack(1)]), SettledError)
    assert.equal(await other.append([words('d')]), 4)
    assert.equal((await one.counts()).ready, 2)
  })

  it('gives back what a handle holds when that closes, its attempt counted', async () => {
    const [one, other] = await pair(place)
    await one.append([words('a', 'b')])
    await other.lease(1)
    await other.close()
    const [first] = await one.lease(1)
    assert.deepEqual([first?.firstId, first?.attempt], [1, 2])
  })

  it('retries a failed item once, whoever asks at the same time, or discards it', async () => {
    const [one, other] = await pair(place)
    await one.append([words('a', 'b', 'c')])
    await one.lease(3)
    await one.settle([{ outcome: 'fail', ids: [{ from: 1, to: 3 }], reason: 'too hot' }])
    const done = await Promise.all([one.retry(), other.retry([2, 3]), one.retry(), other.discard([1])])
    assert.equal(
      done.reduce((sum, count) => sum + count),
      3,
    )
    const { ready, failed } = await one.counts()
    assert.deepEqual([ready, failed], [3 - done[3], 0])
  })

  it('settles an item once, however many ways are tried at the same time', async () => {
    const [one, other] = await pair(place)
    for (const ways of [
      ['toBack', 'ack', 'toBack'],
      ['ack', 'toBack'],
      ['toBack', 'toBack'],
    ] as const) {
      const id = (await one.append([words('a')])) ?? 0
      await one.lease(1)
      const tried = ways.map((outcome) => one.settle([{ outcome, ids: [{ from: id, to: id }] }]))
      const settled = await Promise.allSettled(tried)
      const won = ways.filter((_, i) => settled[i]?.status === 'fulfilled')
      assert.equal(won.length, 1)
      for (const result of settled) if (result.status === 'rejected') assert.ok(result.reason instanceof SettledError)
      assert.equal((await other.counts()).inFlight, 0)
      assert.equal((await other.pop(9)).length, won[0] === 'ack' ? 0 : 1)
    }
  })

  it('lets nobody settle what was leased once the lease has ended, whoever has it then', async () => {
    const [one, other] = await pair(place)
    for (const isTaken of [false, true]) {
      const id = (await one.append([words('a')])) ?? 0
      const ids = [{ from: id, to: id, attempt: 1 }]
      const deadline = Date.now() + 20
      await one.lease(1, [], { deadline })
      while (Date.now() < deadline + 20) await pause(5)
      if (isTaken) assert.deepEqual(told(await other.lease(1)), [`${id} a`])
      const ways: Settlement[] = [
        { outcome: 'toBack', ids },
        { outcome: 'back', ids, counted: true },
        { outcome: 'fail', ids, reason: 'too late' },
        { outcome: 'again', ids },
        { outcome: 'ack', ids },
      ]
      for (const way of ways) await assert.rejects(one.settle([way]), SettledError, way.outcome)
      if (isTaken) await other.settle([ack(id)])
      else assert.equal((await other.pop(9)).length, 1)
      const { ready, inFlight, failed } = await one.counts()
      assert.deepEqual([ready, inFlight, failed], [0, 0, 0])
    }
  })

  it('tells watchers of what others put and take, until they stop', async () => {
    const [one, other] = await pair(place)
    let changes = 0
    const changed = new Signal()
    // A watch alone keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    const stop = one.watch(() => {
      changes += 1
      changed.give()
    })
    await other.append([words('a')])
    await changed.given
    const before = changes
    const popped = changed.next()
    await other.pop(1)
    await popped
    assert.ok(changes > before)
    stop()
    const stopped = changes
    await other.append([words('b')])
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(changes, stopped)
    clearInterval(alive)
  })
}

export function reopening(place: MakePlace): void {
  it('has after reopening what it had, and goes on with its ids', async () => {
    const where = await place()
    const store = await where.open()
    await store.append([words('a', 'b', 'c', 'd')])
    await store.pop(1)
    await store.lease(2, [])
    await store.settle([ack(2)])
    await store.close()
    const again = await where.open()
    assert.deepEqual(told(await again.peek(9)), ['3 c', '4 d'])
    assert.equal(await again.append([words('e')]), 5)
  })

  it('records its codec: another one is refused, none takes what is recorded', async () => {
    const where = await place()
    await (await where.open({ codec: 'v8' })).close()
    await assert.rejects(where.open({ codec: 'json' }), CodecMismatchError)
    assert.equal((await where.open({ codec: undefined })).codec, 'v8')
  })

  it('writes msgpack where nothing else is said', async () => {
    const store = await (await place()).open({ codec: undefined })
    assert.equal(store.codec, 'msgpack')
  })

  it('does not open when its signal has aborted', async () => {
    const where = await place()
    const reason = new Error('enough')
    await assert.rejects(where.open({ signal: AbortSignal.abort(reason) }), reason)
  })
}

class Signal {
  given!: Promise<void>
  give!: () => void

  constructor() {
    this.next()
  }

  next(): Promise<void> {
    this.given = new Promise((resolve) => {
      this.give = resolve
    })
    return this.given
  }
}

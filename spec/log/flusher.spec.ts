// flusher.spec.ts: what is settled goes from the disk, and what is not stays: its bytes, its id and its time.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk, DiskFile } from '../../lib/disk/disk.ts'
import { DATA_START } from '../../lib/log/segment.ts'
import { SystemError } from '../crash/system-error.ts'
import { ack, filled, leased, numbered, popped, put, QueueRig, ready, SMALL, segment } from './queue-rig.ts'

describe('flush', () => {
  it('unlinks the segments of which everything is settled, and copies nothing', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    await store.pop(20)
    const before = rig.disk.log.length
    const { reclaimed } = await store.flush()
    assert.deepEqual(rig.segments, [segment(21), segment(31)])
    assert.ok(reclaimed > 2000, `${reclaimed} bytes`)
    assert.deepEqual(rig.flushed, [reclaimed])
    assert.ok(!rig.disk.log.slice(before).some(({ kind }) => kind === 'rename'))
    assert.deepEqual(
      await ready(store),
      numbered(15, 21, 100).map((item, index) => [21 + index, item]),
    )
  })

  it('leaves next to nothing of a queue that is empty', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    await store.pop(100)
    await store.flush()
    assert.equal(rig.segments.length, 1)
    assert.ok(rig.bytes() < 1100, `${rig.bytes()} bytes`)
    assert.equal(await put(store, ['next']), 36)
    await store.close()
    assert.deepEqual(await ready(await rig.open(SMALL)), [[36, 'next']])
  })

  it('frees what was kept for the record, once that is kept no more', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ ...SMALL, keepAcked: 99 })
    for (let first = 1; first <= 31; first += 10) await put(store, numbered(10, first, 100))
    await store.settle([ack(...(await leased(store, 40)))])
    await store.flush()
    assert.equal((await store.counts()).acked, 40)
    await store.close()
    const opened = await rig.open(SMALL)
    await opened.flush()
    assert.ok(rig.bytes() < 1100, `${rig.bytes()} bytes`)
    await opened.close()
  })

  it('does nothing where nothing is settled', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    const before = rig.disk.log.length
    assert.deepEqual(await store.flush(), { reclaimed: 0 })
    assert.deepEqual(
      rig.disk.log.slice(before).filter(({ kind }) => kind !== 'sync' && kind !== 'syncFolder'),
      [],
    )
  })

  it('keeps live items with their ids and times where it rewrites a segment, for everybody', async () => {
    for (const perDocument of [1, 3]) {
      const rig = new QueueRig()
      const store = await filled(rig, perDocument)
      const held = await leased(store, 35)
      await store.settle([ack(...held.filter((id) => id % 4 !== 0))])
      const running = await rig.open(SMALL)
      const listed = (from: typeof store) => from.list({ status: 'inFlight', after: 0, limit: 100 })
      const shown = async (from: typeof store) =>
        (await listed(from)).map(({ piece }) => [piece.firstId, piece.count, piece.attempt, piece.enqueuedAt])
      const before = await shown(store)
      const { bytes, fileBytes } = await store.stats()
      const { reclaimed } = await store.flush()
      assert.ok(reclaimed > 0 || perDocument > 1)
      const after = await store.stats()
      const cursorBytes = [0, 1].reduce((sum, half) => sum + rig.disk.bytesOf(`/q/cursor.${half}`).length, 0)
      assert.equal(after.fileBytes, rig.bytes() + cursorBytes)
      assert.ok(after.fileBytes <= fileBytes)
      assert.equal(after.bytes, bytes)
      for (const each of [store, running, await rig.open(SMALL)]) {
        const left = await shown(each)
        assert.deepEqual(
          left.map(([id]) => id),
          before.map(([id]) => id),
        )
        assert.deepEqual(left, before)
      }
      await store.close()
      const left = await ready(running)
      assert.deepEqual(
        left.map(([id]) => id),
        [4, 8, 12, 16, 20, 24, 28, 32],
      )
      for (const [id, item] of left) assert.equal(item, `${id}`.padEnd(100, '.'))
    }
  })

  it('by hand rolls first: the tail holds nothing dead either', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(10, 1, 100))
    await store.pop(9)
    await store.flush()
    assert.deepEqual(rig.segments, [segment(1, 1), segment(11)])
    assert.ok(rig.disk.bytesOf(`/q/${segment(1, 1)}`).length < 1056 + 200)
    assert.deepEqual(await store.flush(), { reclaimed: 0 }, 'and there is nothing left to do')
  })

  it('rewrites a segment again and again, as often as something in it was settled', async () => {
    const rig = new QueueRig()
    const store = await rig.open()
    await put(store, numbered(6, 1, 100))
    for (let round = 1; round <= 5; round++) {
      await store.pop(1)
      await store.flush()
      assert.equal(rig.segments[0], segment(1, round))
      assert.deepEqual(
        (await ready(store)).map(([id]) => id),
        numbered(6 - round, round + 1).map(Number),
      )
    }
    await store.pop(1)
    await store.flush()
    assert.deepEqual(rig.segments, [segment(7)])
  })

  it('leaves few bytes for one item that is held for long', async () => {
    const rig = new QueueRig()
    const store = await filled(rig)
    const [id] = await leased(store, 1)
    await store.pop(34)
    await store.flush()
    assert.ok(rig.bytes() < 2 * 1056 + 250, `${rig.bytes()} bytes`)
    await store.settle([ack(id ?? 0)])
    await store.flush()
    assert.ok(rig.bytes() < 1100)
  })

  it('starts by itself when enough is settled, and keeps the disk within its bound', async () => {
    const rig = new QueueRig()
    const store = await rig.open({ ...SMALL, flushLimit: 2000, durability: 'os' })
    let most = 0
    for (let id = 1; id <= 300; id++) {
      await put(store, numbered(1, id, 100))
      assert.equal((await popped(store, 1))[0]?.[0], id)
      await new Promise(setImmediate)
      most = Math.max(most, rig.bytes())
    }
    assert.ok(rig.flushed.length > 5)
    assert.ok(most < 2000 + 2 * (1000 + 1056 + 200) + 1056, `${most} bytes at once`)
    assert.deepEqual(rig.failures, [])
  })
})

/** The disk of a process whose syncs take so many turns of the event loop. */
function slow(disk: Disk, turns: () => number): Disk {
  const slowed = <T extends Disk | DiskFile>(target: T): T =>
    new Proxy(target, {
      get: (_, name) => {
        if (name === 'open') return (...args: Parameters<Disk['open']>) => slowed(disk.open(...args))
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        const call = value.bind(target)
        if (name !== 'sync' && name !== 'syncFolder') return call
        return async (...args: unknown[]) => {
          for (let left = turns(); left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
          await call(...args)
        }
      },
    })
  return slowed(disk)
}

describe('the space that is bounded', () => {
  it('is so however slow the syncs are that a flush needs: puts wait for it', async () => {
    const rig = new QueueRig()
    const disk = slow(rig.disk.process(), () => 100)
    const store = await rig.open({ disk, durability: 'os', segmentSize: 2000, flushLimit: 1000 })
    for (let n = 1; n <= 400; n++) {
      await put(store, numbered(1, n, 100))
      await store.pop(1)
      // Nothing waits but the one item: flushLimit, and two segments of up to a frame more than 2,000 bytes and a head.
      assert.ok(rig.bytes() <= 1000 + 2 * (2000 + 200 + 1024), `${rig.bytes()} bytes after ${n} items`)
    }
    assert.deepEqual(rig.failures, [])
    assert.ok(rig.flushed.length > 10)
    await store.close()
  })

  it('holds up no put that has room in the next segment while the syncs of a flush take their time', async () => {
    const rig = new QueueRig()
    let pairs = 0
    const disk = slow(rig.disk.process(), () => (pairs > 0 && rig.flushed.length === 0 ? 20_000 : 0))
    const store = await rig.open({ disk, durability: 'os', segmentSize: 20_000, flushLimit: 1000 })
    for (; pairs < 60; pairs++) {
      await put(store, numbered(1, pairs + 1, 100))
      await store.pop(1)
    }
    assert.deepEqual(rig.flushed, [], 'the flush that they began is not over')
    await store.close()
    assert.equal(rig.flushed.length, 1)
  })
})

/** A disk without room for frames from `fill` on, until the files that were removed and closed are freed. */
function fullDisk(disk: Disk): { readonly disk: Disk; fill(): void } {
  let isFull = false
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const file = open(path, mode)
    const write = file.write.bind(file)
    file.write = (bytes, at) => {
      if (isFull && path.endsWith('.log') && at >= DATA_START) throw new SystemError('ENOSPC', 'write', path)
      write(bytes, at)
    }
    return file
  }
  disk.allClosed = async () => {
    await new Promise(setImmediate)
    isFull = false
  }
  return {
    disk,
    fill: () => {
      isFull = true
    },
  }
}

describe('room', () => {
  for (const durability of ['disk', 'os'] as const) {
    it(`is there for a put with durability '${durability}' once what was removed is freed, and not before`, async () => {
      const rig = new QueueRig()
      const full = fullDisk(rig.disk.process())
      const store = await rig.open({ disk: full.disk, durability })
      await put(store, numbered(10, 1, 100))
      await store.pop(10)
      full.fill()
      assert.equal(await put(store, ['next']), 11)
      full.fill()
      await store.flush()
      assert.equal(await put(store, ['after a flush']), 12)
      await store.close()
    })
  }
})

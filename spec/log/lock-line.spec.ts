// lock-line.spec.ts: who waits longest for a lock is next, however many want it, and a line that lies or that nobody can
// write holds nobody up.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LockLine, MOST_SLICE_MS, UNSEEN_MS } from '../../lib/log/lock-line.ts'
import { openLine, sliceMs } from '../../lib/log/lock-share.ts'
import { StepLock } from '../../lib/log/step-lock.ts'
import { randomOf } from '../crash/digest.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'

const LOCK = '/q/append.lock'
const LINE = '/q/owners/append.lock'

/** A lock and its line, and a clock that each look moves on. */
class Crowd {
  readonly disk = new RecordingDisk()
  readonly #random = randomOf(3)
  now = 1000
  /** Of each look at the clock. */
  tickMs = 0.05

  constructor() {
    for (const folder of ['/q', '/q/owners']) this.disk.makeFolder(folder)
    this.disk.open(LOCK, 'create').close()
  }

  /** `disk`: of the line alone. */
  handle(disk: FaultDisk | RecordingDisk = this.disk): StepLock {
    const elapsedMs = (): number => {
      this.now += this.tickMs
      return this.now
    }
    const random = () => this.#random(2 ** 32)
    return new StepLock(this.disk.open(LOCK, 'write'), random, { elapsedMs, line: openLine(disk, '/q', 'append.lock') })
  }

  line(name: string): LockLine {
    const path = `${LINE} alone`
    const isThere = this.disk.paths().includes(path)
    return new LockLine(this.disk.open(path, isThere ? 'write' : 'create'), Buffer.from(name.padEnd(8)))
  }
}

/** So many loops that each make a step as soon as the last one is made; returns how many steps each has made by turns. */
async function loops(
  crowd: Crowd,
  locks: readonly StepLock[],
  steps: number,
): Promise<{ made: number[]; longest: number }> {
  const made = locks.map(() => 0)
  const last = locks.map(() => 0)
  let [all, longest] = [0, 0]
  const loop = async (lock: StepLock, at: number): Promise<void> => {
    while (all < steps) {
      await lock.run(() => {
        all += 1
        made[at] = (made[at] ?? 0) + 1
        if (last[at] !== 0) longest = Math.max(longest, crowd.now - (last[at] ?? 0))
        last[at] = crowd.now
      })
      // A put is told in the next turn at the latest.
      if (all % 16 === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(locks.map(loop))
  return { made, longest }
}

describe('the line of those who wait for a lock', () => {
  it('is in the order in which they came, and they go as they came', () => {
    const crowd = new Crowd()
    const [first, second, third] = ['one', 'two', 'three'].map((name) => crowd.line(name))
    assert.ok(first && second && third)
    assert.deepEqual(first.wait(1010, 1010), { position: 0, others: 0, freeAt: 0 })
    assert.equal(third.wait(1030, 1030).position, 1)
    assert.equal(second.wait(1020, 1031).position, 1)
    assert.equal(third.wait(1030, 1032).position, 2)
    assert.equal(first.others(1033), 2)
    first.leave()
    assert.equal(second.wait(1020, 1034).position, 0)
    assert.deepEqual([third.wait(1030, 1035).position, third.others(1035)], [1, 1])
  })

  it('passes over who was not seen for a while, and who says that it comes from the future', () => {
    const crowd = new Crowd()
    const [dead, living] = [crowd.line('dead'), crowd.line('living')]
    dead.wait(1000, 1000)
    assert.equal(living.wait(1001, 1000 + UNSEEN_MS - 1).position, 1)
    assert.equal(living.wait(1001, 1001 + UNSEEN_MS).position, 0)
    dead.wait(500, 99_999)
    assert.equal(living.wait(1001, 1300).position, 0)
  })

  it('gives way to nobody for longer than a slice, whatever stands there', () => {
    const random = randomOf(5)
    const crowd = new Crowd()
    const living = crowd.line('living')
    living.wait(100, 100)
    for (let tried = 0; tried < 300; tried += 1) {
      const bytes = Buffer.from(Array.from({ length: 64 + 24 * random(5) }, () => random(256)))
      const file = crowd.disk.open(`${LINE} alone`, 'write')
      file.write(bytes, 0)
      file.close()
      const look = living.wait(100, 100 + tried)
      assert.ok(look.freeAt <= 100 + tried + 3 * MOST_SLICE_MS, `${look.freeAt} at ${100 + tried}`)
      assert.equal(living.toldEnd(), undefined)
      living.leave()
    }
  })

  it('gives each of many its share, and lets nobody wait for more than two rounds', async () => {
    for (const count of [2, 5, 12]) {
      const crowd = new Crowd()
      const locks = Array.from({ length: count }, () => crowd.handle())
      const { made, longest } = await loops(crowd, locks, 6000 * count)
      const sorted = made.toSorted((one, other) => one - other)
      const median = sorted[count >> 1] ?? 0
      assert.ok((sorted[0] ?? 0) >= median / 2, `of ${count}: ${made}`)
      const roundMs = count * (sliceMs(count - 1) + 2)
      assert.ok(longest < 2 * roundMs + 20, `of ${count}: ${longest.toFixed(1)} ms, a round is ${roundMs}`)
    }
  })

  it('ends the slice of who uses the lock all the time, once somebody waits, and gives it to that one', async () => {
    const crowd = new Crowd()
    const [busy, file] = [crowd.handle(), crowd.disk.open(LINE, 'create')]
    const waiter = new LockLine(file, Buffer.from('a waiter'))
    const alone = crowd.now
    while (crowd.now < alone + 5 * MOST_SLICE_MS) assert.ok(!(busy.run(() => {}) instanceof Promise), 'nobody waits')
    waiter.wait(crowd.now, crowd.now)
    const since = crowd.now
    let waiting: void | Promise<void>
    do waiting = busy.run(() => {})
    while (!(waiting instanceof Promise) && crowd.now < since + 10 * MOST_SLICE_MS)
    assert.ok(waiting instanceof Promise && crowd.now < since + 1.5 * MOST_SLICE_MS, `${crowd.now - since} ms`)
    await new Promise(setImmediate)
    assert.ok(waiter.wait(since, crowd.now).freeAt <= crowd.now + 1, 'its turn has come')
    waiter.leave()
    await waiting
    file.close()
  })

  it('is made only where somebody waits', async () => {
    const crowd = new Crowd()
    const lock = crowd.handle()
    for (let step = 0; step < 100; step += 1) lock.run(() => {})
    assert.ok(!crowd.disk.paths().includes(LINE))
    const held = crowd.disk.open(LOCK, 'write')
    assert.ok(held.tryLock())
    const waiting = crowd.handle().run(() => 'made')
    while (!crowd.disk.paths().includes(LINE)) await new Promise(setImmediate)
    held.close()
    assert.equal(await waiting, 'made')
    lock.run(() => {})
  })

  it('fails no step, whatever fails of it', async () => {
    for (const call of ['open', 'read', 'write'] as const) {
      for (let at = 1; at < 12; at += 1) {
        const crowd = new Crowd()
        const disk = new FaultDisk(crowd.disk, { at, call, code: 'EIO' })
        const held = crowd.disk.open(LOCK, 'write')
        assert.ok(held.tryLock())
        const waiting = crowd.handle(disk).run(() => 'made')
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
        held.close()
        assert.equal(await waiting, 'made', `${call} ${at}`)
      }
    }
  })
})

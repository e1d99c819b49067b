// step-lock.spec.ts: one step at a time, whoever makes it, and none is ever forgotten.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StepLock } from '../../lib/log/step-lock.ts'
import { randomOf } from '../crash/digest.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'

class Locks {
  readonly disk = new RecordingDisk()
  readonly #random = randomOf(1)

  constructor() {
    for (const path of ['/a', '/b']) this.disk.open(path, 'create').close()
  }

  /** One more handle's lock on the file. */
  lock(path: string, disk: FaultDisk | RecordingDisk = this.disk): StepLock {
    return new StepLock(disk.open(path, 'write'), () => this.#random(2 ** 32))
  }

  /** Somebody else who holds the file until it is told to let go. */
  hold(path: string): () => void {
    const file = this.disk.open(path, 'write')
    assert.equal(file.tryLock(), true)
    return () => file.close()
  }

  isFree(path: string): boolean {
    const file = this.disk.open(path, 'write')
    const isFree = file.tryLock()
    file.close()
    return isFree
  }
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

describe('a step', () => {
  it('runs at once under a free lock, which is free again afterwards', () => {
    const locks = new Locks()
    const isFree = locks.lock('/a').run(() => locks.isFree('/a'))
    assert.equal(isFree, false)
    assert.equal(locks.isFree('/a'), true)
  })

  it('that throws leaves the lock free', () => {
    const locks = new Locks()
    const lock = locks.lock('/a')
    assert.throws(() => lock.run(() => assert.fail('as it should')), /as it should/)
    assert.equal(locks.isFree('/a'), true)
    assert.equal(
      lock.run(() => 7),
      7,
    )
  })

  it('waits for whoever holds the lock, however long, and runs once', async () => {
    const locks = new Locks()
    for (const length of [0, 5, 40]) {
      const release = locks.hold('/a')
      let ran = 0
      const waiting = locks.lock('/a').run(() => ++ran)
      assert.ok(waiting instanceof Promise)
      await turns(length)
      assert.equal(ran, 0)
      release()
      assert.equal(await waiting, 1)
      await turns(3)
      assert.equal(ran, 1)
    }
  })

  it('tries for long where the lock is rarely taken, and pauses soon where it was taken a moment ago', async (t) => {
    const locks = new Locks()
    const file = locks.disk.open('/a', 'write')
    const tries = t.mock.method(file, 'tryLock').mock
    let now = 1000
    const lock = new StepLock(file, () => 0, { elapsedMs: () => now })
    const triesOf = async () => {
      const release = locks.hold('/a')
      tries.resetCalls()
      const waiting = lock.run(() => 'made')
      const [atOnce] = [tries.callCount(), await turns(1)]
      const inATurn = tries.callCount() - atOnce
      release()
      assert.equal(await waiting, 'made')
      return { atOnce, inATurn }
    }
    const patient = await triesOf()
    assert.ok(patient.atOnce > 5 && patient.inATurn > 0, JSON.stringify(patient))
    const soon = await triesOf()
    assert.ok(soon.atOnce < patient.atOnce && soon.atOnce > 1, JSON.stringify(soon))
    now += 1000
    assert.equal((await triesOf()).atOnce, patient.atOnce)
  })

  it('that throws behind a wait rejects', async () => {
    const locks = new Locks()
    const release = locks.hold('/a')
    const waiting = locks.lock('/a').run(() => assert.fail('as it should'))
    release()
    await assert.rejects(async () => waiting, /as it should/)
    assert.equal(locks.isFree('/a'), true)
  })

  it('that finds the lock file failing is told', async () => {
    const locks = new Locks()
    const disk = new FaultDisk(locks.disk)
    const lock = locks.lock('/a', disk)
    disk.setFault({ at: 1, call: 'tryLock', code: 'EIO' })
    assert.throws(() => lock.run(() => 1), { code: 'EIO' })
    const release = locks.hold('/a')
    disk.setFault({ at: 3, call: 'tryLock', code: 'EIO' })
    await assert.rejects(async () => lock.run(() => 1), { code: 'EIO' })
    release()
    assert.equal(
      lock.run(() => 1),
      1,
    )
  })

  it('of many, from many handles, is never made beside another', async () => {
    const locks = new Locks()
    let inside = 0
    let made = 0
    const step = () => {
      assert.equal(inside++, 0)
      made++
      inside--
    }
    const all: (void | Promise<void>)[] = []
    for (let handle = 0; handle < 5; handle++) {
      const lock = locks.lock('/a')
      const release = handle === 2 ? locks.hold('/a') : undefined
      for (let count = 0; count < 20; count++) all.push(lock.run(step))
      if (release) setImmediate(release)
    }
    await Promise.all(all)
    assert.equal(made, 100)
  })
})

describe('a step under two locks', () => {
  it('holds both, and lets go of both', () => {
    const locks = new Locks()
    const both = locks.lock('/a').runBoth(locks.lock('/b'), () => [locks.isFree('/a'), locks.isFree('/b')])
    assert.deepEqual(both, [false, false])
    assert.deepEqual([locks.isFree('/a'), locks.isFree('/b')], [true, true])
  })

  it('lets go of the outer one while the inner one is taken, and gets both in the end', async () => {
    const locks = new Locks()
    const release = locks.hold('/b')
    let ran = 0
    const waiting = locks.lock('/a').runBoth(locks.lock('/b'), () => ++ran)
    let wasFree = 0
    for (let turn = 0; turn < 10; turn++) {
      await turns(1)
      if (locks.isFree('/a')) wasFree++
    }
    assert.ok(wasFree > 0, 'who holds the inner lock may be waiting for the outer one')
    assert.equal(ran, 0)
    release()
    assert.equal(await waiting, 1)
    assert.deepEqual([locks.isFree('/a'), locks.isFree('/b')], [true, true])
  })

  it('waits for the outer one, and lets go of both where it throws', async () => {
    const locks = new Locks()
    const release = locks.hold('/a')
    const waiting = locks.lock('/a').runBoth(locks.lock('/b'), () => assert.fail('as it should'))
    release()
    await assert.rejects(async () => waiting, /as it should/)
    assert.deepEqual([locks.isFree('/a'), locks.isFree('/b')], [true, true])
  })
})

describe('the epoch of a lock', () => {
  const epochIn = (lock: StepLock, looks = false) => lock.run(() => lock.epoch, looks)

  it('stays as long as nobody else changes anything', () => {
    const locks = new Locks()
    const [one, other] = [locks.lock('/a'), locks.lock('/a')]
    const epoch = epochIn(one)
    assert.equal(epochIn(one), epoch)
    epochIn(other, true)
    assert.equal(epochIn(one), epoch)
    assert.equal(epochIn(one, true), epoch)
  })

  it('is another one once somebody else has changed something, each time', () => {
    const locks = new Locks()
    const [one, other] = [locks.lock('/a'), locks.lock('/a')]
    for (let round = 0; round < 3; round++) {
      const epoch = epochIn(one)
      epochIn(other)
      assert.notEqual(epochIn(one), epoch)
      const looking = epochIn(other, true)
      other.run(() => other.takeOver(), true)
      assert.notEqual(epochIn(one, true), epoch)
      assert.notEqual(epochIn(other), looking)
    }
  })

  it('is another one for each look at what somebody else holds: they may have gone on', () => {
    const locks = new Locks()
    const [one, other] = [locks.lock('/a'), locks.lock('/a')]
    epochIn(other)
    const epoch = epochIn(one, true)
    epochIn(other)
    assert.notEqual(epochIn(one, true), epoch)
  })

  it('is another one after a step that threw', () => {
    const lock = new Locks().lock('/a')
    const epoch = epochIn(lock)
    assert.throws(() => lock.run(() => assert.fail('cut short')), /cut short/)
    assert.notEqual(epochIn(lock), epoch)
  })

  it('makes a step that only looks write nothing', () => {
    const locks = new Locks()
    const lock = locks.lock('/a')
    const before = locks.disk.log.length
    epochIn(lock, true)
    assert.deepEqual(locks.disk.log.slice(before), [])
  })
})

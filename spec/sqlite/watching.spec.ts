// What waiting costs while nothing happens: nobody looks who was told nothing, and nobody tells himself.

import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { describe, it } from 'node:test'
import { openDatabase } from '../../lib/sqlite/database.ts'
import { SqliteStore } from '../../lib/sqlite/sqlite-store.ts'
import { watchDatabase } from '../../lib/sqlite/watching.ts'
import type { StoreOptions } from '../../lib/store.ts'
import { systemClock } from '../../lib/wait/clock.ts'
import { foreign, newFile } from './rig.ts'

const events = { recovered() {}, corruption() {}, flushed() {}, failed: assert.ifError }
const options: StoreOptions = {
  ...{ durability: 'os', codec: 'raw', order: undefined, flushLimit: Infinity, segmentSize: 2 ** 20 },
  ...{ onDamage: 'skip', autoResume: true, events },
}
const documents = [{ bytes: Buffer.from('a'), count: 1 }]

describe('the queue in SQLite that somebody waits on', () => {
  it('is not told of looks that found nothing, and of puts without room', async () => {
    const store = await SqliteStore.open({ file: ':memory:', queue: 'q' }, options)
    let told = 0
    const stop = store.watch(() => {
      told += 1
    })
    assert.deepEqual(await store.pop(1), [])
    assert.deepEqual(await store.lease(1), [])
    assert.deepEqual(
      [await store.delete(1), await store.clear(), await store.retry(), await store.discard()],
      [0, 0, 0, 0],
    )
    assert.equal(await store.append(documents, { bound: { items: 0 } }), undefined)
    assert.equal(told, 0)
    await store.append(documents)
    assert.equal(told, 1)
    await store.pop(1)
    assert.equal(told, 2)
    stop()
    await store.close()
  })

  it('looks where somebody wrote, where time may change something, and else once in a while', async () => {
    const file = newFile()
    const database = await openDatabase(file)
    let isRestless = false
    const watch = watchDatabase(database, { file, changed() {}, isRestless: () => isRestless })
    const asked = () => watch.mayHaveChanged?.()
    const driver = foreign(file)
    driver.exec('CREATE TABLE a (x)')
    const old = (seconds: number) => utimesSync(`${file}-wal`, seconds, seconds)
    assert.equal(asked(), true, 'written just now: another write may not show')
    assert.equal(asked(), true)
    old(1000)
    assert.equal(asked(), true)
    assert.equal(asked(), false)
    driver.exec('INSERT INTO a VALUES (1)')
    old(2000)
    assert.deepEqual([asked(), asked(), asked()], [true, false, false])
    isRestless = true
    assert.deepEqual([asked(), asked()], [true, true])
    isRestless = false
    const looks = Array.from({ length: 90 }, asked)
    assert.equal(looks.filter((look) => look).length, 3)
    driver.close()
    watch()
    await database.close()
  })

  it('knows when there may be something to drop for a put that finds no room, and is told of none', async () => {
    const store = await SqliteStore.open({ file: ':memory:', queue: 'q' }, options)
    let told = 0
    const watch = store.watch(() => {
      told += 1
    })
    await store.append(documents)
    await store.lease(1, [], { deadline: systemClock.now() + 5e5 })
    told = 0
    const bound = { items: 1, whenFull: 'drop-oldest' } as const
    assert.equal(await store.append(documents, { bound }), undefined)
    const leaseMs = watch.dueInMs?.() ?? 0
    assert.ok(leaseMs > 4e5 && leaseMs <= 5e5, `${leaseMs} ms`)
    assert.equal(told, 0)
    watch()
    await store.close()
  })

  it('knows whether time may change something', async () => {
    const store = await SqliteStore.open({ file: ':memory:', queue: 'q' }, options)
    const watch = store.watch(() => {})
    const asked = () => watch.mayHaveChanged?.()
    await store.pop(1)
    assert.equal(asked(), false)
    assert.equal(watch.dueInMs?.(), Infinity)
    await store.append(documents, { due: systemClock.now() + 1e6 })
    await store.lease(1)
    const delayMs = watch.dueInMs?.() ?? 0
    assert.ok(delayMs > 9e5 && delayMs <= 1e6, `${delayMs} ms`)
    await store.append(documents)
    await store.lease(1, [], { deadline: systemClock.now() + 5e5 })
    await store.counts()
    const leaseMs = watch.dueInMs?.() ?? 0
    assert.ok(leaseMs > 4e5 && leaseMs <= 5e5, `${leaseMs} ms`)
    await store.clear()
    await store.counts()
    assert.ok((watch.dueInMs?.() ?? 0) <= 5e5)
    assert.equal(asked(), false, 'in memory nobody dies')
    watch()
    await store.close()
  })
})

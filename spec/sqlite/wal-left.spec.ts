// The WAL that a kill leaves, with a bit of it flipped: what is lost is told, counted and kept aside, once; and nothing is
// told of what a mere kill left.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { bootId } from '../../lib/disk/boot.ts'
import { AsyncQueue, CorruptionError, PersistentMap } from '../../lib/index.ts'
import { loadDriver } from '../../lib/sqlite/driver.ts'
import { type Call, Engine } from '../../lib/sqlite/engine.ts'
import type { ValueOf } from '../../lib/sqlite/ops.ts'
import { piecesOf } from '../../lib/sqlite/pieces.ts'
import type { Answered } from '../../lib/sqlite/thread.ts'
import type { WalDamage } from '../../lib/sqlite/wal-ops.ts'
import { CHECK } from '../layers.ts'
import { call, foreign, newFile, put, valuesOf } from './rig.ts'

const HEADER = 32
const FRAME = 24 + 4096
const seed = Number(process.env.SPOOLQ_SEED ?? 1)

/** The files of an open queue, as a kill would leave them. */
function killed(file: string): string {
  const left = newFile()
  for (const ending of ['', '-wal']) copyFileSync(file + ending, left + ending)
  return left
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(`${file}-wal`)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
  writeFileSync(`${file}-wal`, bytes)
}

const OPEN = { name: 'queue', codec: 'raw', order: 'fifo' } as const

/** A queue without a thread, and its first answers. */
function engineOf(file: string, ...first: Call[]): { engine: Engine; values: unknown[] } {
  const engine = new Engine(file, () => loadDriver())
  const values = valuesOf(first.flatMap((one) => engine.run([one])))
  return { engine, values }
}

/** Files that were left with so many items in their WAL, in so many transactions; the first `taken` are gone again. */
function leftWith(count: number, { taken = 0, boot }: { taken?: number; boot?: string } = {}): string {
  const file = newFile()
  const { engine } = engineOf(file, call('wal.look', { isStrict: false, boot: bootId() }), call('queue.open', OPEN))
  if (boot !== undefined) {
    const driver = foreign(file)
    driver.exec(`UPDATE spoolq_file SET boot = '${boot}'; PRAGMA wal_checkpoint(TRUNCATE)`)
    driver.close()
  }
  for (let i = 1; i <= count; i += 1) valuesOf(engine.run([put(`item ${i}`)]))
  if (taken > 0) valuesOf(engine.run([call('queue.pop', { queue: 1, now: 1000, n: taken, isStrict: false })]))
  const left = killed(file)
  engine.close()
  return left
}

interface Opened {
  readonly items: readonly string[]
  readonly lost: number
  /** Undefined: nobody was told. */
  readonly told: WalDamage | undefined
  readonly nextId: number
}

/** Opens it, and takes all that is there. */
function open(file: string): Opened {
  const pop = call('queue.pop', { queue: 1, now: 1000, n: 1000, isStrict: false })
  const stats = call('queue.stats', { queue: 1, now: 1000 })
  const look = call('wal.look', { isStrict: false, boot: bootId() })
  const { engine, values } = engineOf(file, look, call('queue.open', OPEN), stats)
  const [outcome] = engine.run([pop])
  engine.close()
  const { lost, nextId } = values[2] as ValueOf<'queue.stats'>
  const items = piecesOf(outcome as Answered<ValueOf<'queue.pop'>>, () => 0)
  const told = (values[0] as WalDamage | null) ?? undefined
  return { items: items.map(({ document }) => `${Buffer.from(document.bytes)}`), lost, told, nextId }
}

function itemsUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `item ${i + 1}`)
}

describe('the queue in SQLite, whose WAL was left by a kill and rotted', () => {
  it('tells, counts and keeps aside what is behind the damage, once', async () => {
    const file = leftWith(60)
    const size = statSync(`${file}-wal`).size
    const at = HEADER + FRAME * Math.floor((size - HEADER) / FRAME / 2) + 100
    flip(file, at)
    const rotten = readFileSync(`${file}-wal`)
    await using queue = await AsyncQueue.open<Uint8Array>(`sqlite:${file}`, { durability: 'os' })
    const told: object[] = []
    queue.on('corruption', (corruption) => told.push(corruption))
    const items = (await queue.pop(1000)).map((item) => `${Buffer.from(item)}`)
    assert.ok(items.length > 10 && items.length < 55, `${items.length}`)
    assert.deepEqual(items, itemsUpTo(items.length))
    const { lost } = await queue.stats()
    assert.equal(lost, 60 - items.length)
    assert.equal(await queue.put(Buffer.from('next')), 61, 'no id is used twice')
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(told, [{ file: `${file}-wal`, offset: at - 100, bytes: size - at + 100, lost }])
    const [kept] = readdirSync(`${file}-damaged`)
    assert.ok(readFileSync(`${file}-damaged/${kept}`).equals(rotten))
    await queue.close()
    const again = open(file)
    assert.deepEqual(again, { items: ['next'], lost, told: undefined, nextId: 62 })
    assert.equal(readdirSync(`${file}-damaged`).length, 1)
  })

  it('tells it once where a kill follows before the file is closed, and again where more rots then', () => {
    const file = leftWith(30)
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    const look = call('wal.look', { isStrict: false, boot: bootId() })
    const { engine, values } = engineOf(file, look, call('queue.open', OPEN))
    const { lost } = values[0] as WalDamage
    for (let i = 0; i < 9; i += 1) valuesOf(engine.run([put(`more ${i}`)]))
    const next = killed(file)
    engine.close()
    const rotten = killed(next)
    const first = open(next)
    assert.deepEqual([first.told, first.lost, first.items.length + first.lost], [undefined, lost, 39])
    flip(rotten, statSync(`${rotten}-wal`).size - 5 * FRAME)
    const second = open(rotten)
    assert.equal(second.told?.lost, second.lost - lost)
    assert.ok(second.lost > lost)
    assert.equal(second.items.length + second.lost, 39)
  })

  it('knows what is lost wherever it rots', (t) => {
    t.diagnostic(`seed ${seed}`)
    const left = leftWith(20, { taken: 3 })
    const size = statSync(`${left}-wal`).size
    const whole = open(killed(left)).items
    assert.deepEqual(whole, itemsUpTo(20).slice(3))
    const places = [5, 20, 30, HEADER + 1, HEADER + 6, HEADER + 10, HEADER + 20, HEADER + FRAME - 1]
    for (let i = 0; i < (CHECK ? 1000 : 6); i += 1) places.push((seed * 7919 + i * 10_007) % size)
    for (const at of places) {
      const file = killed(left)
      flip(file, at)
      const { items, lost, told, nextId } = open(file)
      const came = new Set(items)
      const missing: number = whole.filter((item) => !came.has(item)).length
      if (told === undefined) assert.deepEqual([missing, lost], [0, 0], `nobody was told of byte ${at}`)
      assert.deepEqual([told?.lost ?? 0, lost], [missing, missing], `byte ${at}`)
      assert.equal(nextId, 21, `byte ${at}`)
    }
  })

  it('refuses where damage is to be an error, as often as it is asked, and tells it when it may skip', async () => {
    const file = leftWith(20)
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    for (let i = 0; i < 2; i += 1) {
      await assert.rejects(
        AsyncQueue.open(`sqlite:${file}`, { onDamage: 'fail' }),
        (error) => error instanceof CorruptionError && /-damaged\/.*onDamage 'skip'/.test(error.message),
      )
    }
    const { items, lost, told } = open(file)
    assert.deepEqual([told?.lost, items.length + lost], [lost, 20])
    await using strict = await AsyncQueue.open(`sqlite:${file}`, { onDamage: 'fail' })
    assert.equal(await strict.size(), 0)
  })

  it('goes on where there is no place to keep it', () => {
    const file = leftWith(20)
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    writeFileSync(`${file}-damaged`, '')
    const { items, lost, told } = open(file)
    assert.deepEqual([told?.kept, told?.lost, items.length + lost], [undefined, lost, 20])
  })

  it('tells of a map on the channel', async () => {
    const file = newFile()
    const map = await PersistentMap.open<number>(`sqlite:${file}`, { durability: 'os' })
    for (let i = 0; i < 20; i += 1) await map.set(`key ${i}`, i)
    const left = killed(file)
    await map.close()
    flip(left, Math.floor(statSync(`${left}-wal`).size / 2))
    const told: unknown[] = []
    const hear = (message: unknown) => told.push(message)
    subscribe('spoolq:corruption', hear)
    await using again = await PersistentMap.open<number>(`sqlite:${left}`)
    unsubscribe('spoolq:corruption', hear)
    assert.equal(told.length, 1)
    assert.ok((await again.size()) < 20)
  })
})

describe('the queue in SQLite, whose WAL was left by a kill', () => {
  it('tells nothing, wherever the kill came', () => {
    const left = leftWith(12)
    const size = statSync(`${left}-wal`).size
    let before = 0
    for (let cut = HEADER; cut < size; cut += CHECK ? 177 : 5 * 1777) {
      const file = killed(left)
      truncateSync(`${file}-wal`, cut)
      const { items, lost, told } = open(file)
      assert.deepEqual([told, lost, items], [undefined, 0, itemsUpTo(items.length)], `${cut}`)
      assert.ok(items.length >= before)
      before = items.length
    }
    assert.ok(before > 5)
  })

  it('tells nothing of what undone transactions left behind the end, and cuts it off', () => {
    const file = newFile()
    const { engine } = engineOf(file, call('wal.look', { isStrict: false, boot: bootId() }), call('queue.open', OPEN))
    valuesOf(engine.run([put('item 1')]))
    const driver = foreign(file)
    driver.exec('CREATE TABLE theirs (x)')
    const end = statSync(`${file}-wal`).size
    driver.exec('PRAGMA cache_size = 10; BEGIN IMMEDIATE')
    for (let i = 0; i < 300; i += 1) driver.prepare('INSERT INTO theirs VALUES (zeroblob(3000))').run()
    driver.exec('ROLLBACK')
    driver.close()
    assert.ok(statSync(`${file}-wal`).size > end + 100 * FRAME)
    for (let i = 2; i < 9; i += 1) valuesOf(engine.run([put(`item ${i}`)]))
    const left = killed(file)
    const rotten = killed(file)
    engine.close()
    assert.equal(open(left).told, undefined)
    assert.ok(!existsSync(`${left}-damaged`))
    flip(rotten, end + FRAME + 50)
    const { told, items, lost } = open(rotten)
    assert.deepEqual([told?.lost, items.length + lost], [lost, 8])
  })

  it('tells nothing after another boot: a power cut may have kept any of it', () => {
    const file = leftWith(20, { boot: 'another one' })
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    const { items, lost, told } = open(file)
    assert.deepEqual([told, lost, items], [undefined, 0, itemsUpTo(items.length)])
    // From now on it is this boot's.
    const { engine } = engineOf(file, call('wal.look', { isStrict: false, boot: bootId() }))
    for (let i = 0; i < 20; i += 1) valuesOf(engine.run([put(`later ${i}`)]))
    const left = killed(file)
    engine.close()
    flip(left, Math.floor(statSync(`${left}-wal`).size / 2))
    assert.ok((open(left).told?.lost ?? 0) > 5)
  })

  it('tells nothing in a file of an earlier version, and what rots later', () => {
    const file = leftWith(3)
    const driver = foreign(file)
    driver.exec('DROP TABLE spoolq_file; DROP TABLE spoolq_lost')
    driver.close()
    const { engine } = engineOf(file, call('wal.look', { isStrict: false, boot: bootId() }))
    for (let i = 0; i < 20; i += 1) valuesOf(engine.run([put(`later ${i}`)]))
    const left = killed(file)
    engine.close()
    flip(left, Math.floor(statSync(`${left}-wal`).size / 2))
    const { told, items, lost } = open(left)
    assert.deepEqual([told?.lost, items.length + lost], [lost, 23])
  })
})

// The WAL that a kill leaves, with a bit of it flipped: what is lost is told, counted and kept aside, once; and nothing is
// told of what a mere kill left.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { AsyncQueue, CorruptionError, PersistentMap } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { foreign, newFile } from './rig.ts'

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

/** Files that were left with so many items in their WAL, in so many transactions; the first `taken` are gone again. */
async function leftWith(count: number, { taken = 0, boot }: { taken?: number; boot?: string } = {}): Promise<string> {
  const file = newFile()
  await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { codec: 'json', durability: 'os' })
  if (boot !== undefined) {
    const driver = foreign(file)
    driver.exec(`UPDATE spoolq_file SET boot = '${boot}'; PRAGMA wal_checkpoint(TRUNCATE)`)
    driver.close()
  }
  for (let i = 1; i <= count; i += 1) await queue.put(`item ${i}`)
  await queue.pop(taken)
  return killed(file)
}

interface Opened {
  readonly items: readonly string[]
  readonly lost: number
  readonly told: readonly { readonly lost: number; readonly file: string; readonly offset: number }[]
  readonly nextId: number | undefined
}

async function open(file: string): Promise<Opened> {
  await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { codec: 'json', durability: 'os' })
  const told: Opened['told'][number][] = []
  queue.on('corruption', (corruption) => told.push(corruption))
  const items = await queue.pop(1000)
  const { lost } = await queue.stats()
  const nextId = await queue.put('next')
  await queue.pop()
  await new Promise((resolve) => setImmediate(resolve))
  return { items, lost, told, nextId }
}

function itemsUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `item ${i + 1}`)
}

describe('the queue in SQLite, whose WAL was left by a kill and rotted', () => {
  it('tells, counts and keeps aside what is behind the damage, once', async () => {
    const file = await leftWith(60)
    const size = statSync(`${file}-wal`).size
    const at = HEADER + FRAME * Math.floor((size - HEADER) / FRAME / 2) + 100
    flip(file, at)
    const rotten = readFileSync(`${file}-wal`)
    const first = await open(file)
    assert.ok(first.items.length > 10 && first.items.length < 55, `${first.items.length}`)
    assert.deepEqual(first.items, itemsUpTo(first.items.length))
    assert.equal(first.lost, 60 - first.items.length)
    const [told] = first.told
    assert.deepEqual(told, { file: `${file}-wal`, offset: at - 100, bytes: size - at + 100, lost: first.lost })
    assert.equal(first.told.length, 1)
    assert.equal(first.nextId, 61, 'no id is used twice')
    const [kept] = readdirSync(`${file}-damaged`)
    assert.ok(readFileSync(`${file}-damaged/${kept}`).equals(rotten))
    const again = await open(file)
    assert.deepEqual({ ...again, nextId: 0 }, { items: [], lost: first.lost, told: [], nextId: 0 })
    assert.equal(readdirSync(`${file}-damaged`).length, 1)
  })

  it('tells it once where a kill follows before the file is closed, and again where more rots then', async () => {
    const file = await leftWith(30)
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    const queue = await AsyncQueue.open<string>(`sqlite:${file}`, { codec: 'json', durability: 'os' })
    const { lost } = await queue.stats()
    for (let i = 0; i < 9; i += 1) await queue.put(`more ${i}`)
    const next = killed(file)
    await queue.close()
    const rotten = killed(next)
    const first = await open(next)
    assert.deepEqual([first.told, first.lost, first.items.length + first.lost], [[], lost, 39])
    flip(rotten, statSync(`${rotten}-wal`).size - 5 * FRAME)
    const second = await open(rotten)
    assert.equal(second.told.length, 1)
    assert.equal(second.items.length + second.lost, 39)
  })

  it('knows what is lost wherever it rots', async (t) => {
    t.diagnostic(`seed ${seed}`)
    const left = await leftWith(20, { taken: 3 })
    const size = statSync(`${left}-wal`).size
    const whole = (await open(killed(left))).items
    assert.deepEqual(whole, itemsUpTo(20).slice(3))
    // The last one is a pop of three: where that doesn't hold they come again, and nothing can tell it from a kill.
    const places = [CHECK ? 30 : 20, HEADER + 6, HEADER + 20]
    for (let i = 0; i < (CHECK ? 200 : 3); i += 1) places.push((seed * 7919 + i * 10_007) % size)
    for (const at of places) {
      const file = killed(left)
      flip(file, at)
      const { items, lost, told, nextId } = await open(file)
      const came = new Set(items)
      const missing: number = whole.filter((item) => !came.has(item)).length
      if (told.length === 0) assert.deepEqual([missing, lost], [0, 0], `nobody was told of byte ${at}`)
      else assert.equal(lost, missing, `byte ${at}`)
      assert.equal(
        told.reduce((sum, each) => sum + each.lost, 0),
        lost,
      )
      assert.equal(nextId, 21, `byte ${at}`)
    }
  })

  it('refuses where damage is to be an error, as often as it is asked, and tells it when it may skip', async () => {
    const file = await leftWith(20)
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    for (let i = 0; i < 2; i += 1) {
      await assert.rejects(
        AsyncQueue.open(`sqlite:${file}`, { onDamage: 'fail' }),
        (error) => error instanceof CorruptionError && /-damaged\/.*onDamage 'skip'/.test(error.message),
      )
    }
    const { items, lost, told } = await open(file)
    assert.deepEqual([told.length, items.length + lost], [1, 20])
    await using strict = await AsyncQueue.open(`sqlite:${file}`, { onDamage: 'fail' })
    assert.equal(await strict.size(), 0)
  })

  it('goes on where there is no place to keep it', async () => {
    const file = await leftWith(20)
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    writeFileSync(`${file}-damaged`, '')
    const { items, lost, told } = await open(file)
    assert.deepEqual([told.length, items.length + lost], [1, 20])
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
  it('tells nothing, wherever the kill came', async () => {
    const left = await leftWith(12)
    const size = statSync(`${left}-wal`).size
    let before = 0
    for (let cut = HEADER; cut < size; cut += CHECK ? 1777 : 17 * 1777) {
      const file = killed(left)
      truncateSync(`${file}-wal`, cut)
      const { items, lost, told } = await open(file)
      assert.deepEqual([told, lost, items], [[], 0, itemsUpTo(items.length)], `${cut}`)
      assert.ok(items.length >= before)
      before = items.length
    }
    assert.ok(before > 5)
  })

  it('tells nothing of what undone transactions left behind the end, and cuts it off', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { codec: 'json', durability: 'os' })
    await queue.put('item 1')
    const driver = foreign(file)
    driver.exec('CREATE TABLE theirs (x)')
    const end = statSync(`${file}-wal`).size
    driver.exec('PRAGMA cache_size = 10; BEGIN IMMEDIATE')
    for (let i = 0; i < 300; i += 1) driver.prepare('INSERT INTO theirs VALUES (zeroblob(3000))').run()
    driver.exec('ROLLBACK')
    driver.close()
    assert.ok(statSync(`${file}-wal`).size > end + 100 * FRAME)
    for (let i = 2; i < 9; i += 1) await queue.put(`item ${i}`)
    const left = killed(file)
    const rotten = killed(file)
    assert.deepEqual((await open(left)).told, [])
    assert.ok(!existsSync(`${left}-damaged`))
    flip(rotten, end + FRAME + 50)
    const { told, items, lost } = await open(rotten)
    assert.deepEqual([told.length, items.length + lost], [1, 8])
  })

  it('tells nothing after another boot: a power cut may have kept any of it', async () => {
    const file = await leftWith(20, { boot: 'another one' })
    flip(file, Math.floor(statSync(`${file}-wal`).size / 2))
    const { items, lost, told } = await open(file)
    assert.deepEqual([told, lost, items], [[], 0, itemsUpTo(items.length)])
    // From now on it is this boot's.
    await using queue = await AsyncQueue.open<string>(`sqlite:${file}`, { codec: 'json', durability: 'os' })
    for (let i = 0; i < 20; i += 1) await queue.put(`later ${i}`)
    const left = killed(file)
    flip(left, Math.floor(statSync(`${left}-wal`).size / 2))
    assert.equal((await open(left)).told.length, 1)
  })
})

// acks.spec.ts: acknowledgements in random order over a window of 10,000: the cursor stays small, each costs the same
// few bytes, and memory does not grow. (What the last and the first tenth cost is counted in bytes, not by a clock.)
// A process of its own: it looks at how much memory that takes.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { Disk, DiskFile } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import { randomOf } from '../crash/digest.ts'
import { long } from '../process/parts.ts'

const WINDOW = 10_000
const COUNT = long(200_000, 80_000)
/** Settled at once, as a loop's are; with all of an id's bytes they fit into one slot of the journal. */
const GROUP = 5
const MIB = 2 ** 20

/** The real disk, which counts the bytes written to the cursor's files. */
function counting(written: { bytes: number }): Disk {
  const open: Disk['open'] = (path, mode) => {
    const file = nodeDisk.open(path, mode)
    if (!/cursor\.[01]$/.test(path)) return file
    return new Proxy(file, {
      get: (_, name: keyof DiskFile) => {
        const value = file[name]
        if (typeof value !== 'function') return value
        if (name !== 'write') return value.bind(file)
        return (bytes: Uint8Array, position: number) => {
          written.bytes += bytes.length
          file.write(bytes, position)
        }
      },
    })
  }
  return { ...bound(nodeDisk), open }
}

function bound(disk: Disk): Disk {
  return {
    open: (...args) => disk.open(...args),
    list: (...args) => disk.list(...args),
    makeFolder: (...args) => disk.makeFolder(...args),
    rename: (...args) => disk.rename(...args),
    unlink: (...args) => disk.unlink(...args),
    syncFolder: (...args) => disk.syncFolder(...args),
    claim: (...args) => disk.claim(...args),
    watch: (...args) => disk.watch(...args),
    bootId: () => disk.bootId(),
    isShared: (folder) => disk.isShared(folder),
    self: () => disk.self(),
    allClosed: () => disk.allClosed(),
  }
}

it(`the queue takes ${COUNT.toLocaleString('en')} acks in random order with a small cursor, at one cost`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-acks-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const ignore = () => undefined
  const written = { bytes: 0 }
  const options = { durability: 'os', codec: 'raw', order: 'fifo', flushLimit: MIB, segmentSize: 4 * MIB } as const
  const events = { recovered: ignore, corruption: ignore, flushed: ignore, failed: assert.ifError }
  const store = await LogStore.open(
    folder,
    { ...options, onDamage: 'fail', autoResume: true, events },
    { disk: counting(written) },
  )
  const random = randomOf(3)
  const held: number[] = []
  const costs: number[] = []
  const memory: number[] = []
  const documents = Array.from({ length: 4 }, () => ({ bytes: new Uint8Array(250), count: 250 }))
  let put = 0
  for (let acked = 0, before = 0; acked < COUNT; acked += GROUP) {
    while (held.length < Math.min(WINDOW, COUNT - acked)) {
      if (put < COUNT) await store.append(documents)
      put += 1000
      for (const { firstId, count } of await store.lease(1000)) for (let n = 0; n < count; n++) held.push(firstId + n)
    }
    const ids = Array.from({ length: GROUP }, () => {
      const at = random(held.length)
      const id = held[at] ?? 0
      held[at] = held.at(-1) ?? 0
      held.pop()
      return { from: id, to: id }
    })
    await store.settle([{ outcome: 'ack', ids }], true)
    if ((acked + GROUP) % (COUNT / 20) > 0) continue
    for (const which of [0, 1]) assert.ok(statSync(join(folder, `cursor.${which}`)).size < MIB)
    costs.push((written.bytes - before) / (COUNT / 20))
    before = written.bytes
    memory.push(process.memoryUsage().rss / MIB)
  }
  t.diagnostic(`bytes an ack ${costs.map(Math.round).join(' ')}; MiB ${memory.map(Math.round).join(' ')}`)
  assert.deepEqual(await store.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  // The first tenth fills the window, the last one empties it.
  assert.ok((costs[17] ?? 0) < 1.3 * (costs[4] ?? 0), costs.join(' '))
  assert.ok((memory[17] ?? 0) < (memory[4] ?? 0) + 64, memory.join(' '))
  await store.close()
})

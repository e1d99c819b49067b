// flat-opening.spec.ts: what opening reads, and what of it while others wait, does not grow with what waits.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk, DiskFile } from '../../lib/disk/disk.ts'
import type { Durability } from '../../lib/store.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { crashStates } from '../crash/states.ts'
import { numbered, put, QueueRig } from './queue-rig.ts'

interface Count {
  bytes: number
  /** Of these, while append.lock was held. */
  locked: number
  opens: number
}

/** Counts what is read of segments. */
function counted(process: DiskProcess): { disk: Disk; count: Count } {
  const count: Count = { bytes: 0, locked: 0, opens: 0 }
  let held = false
  const watched = (file: DiskFile): DiskFile => {
    const [read, tryLock, unlock] = [file.read.bind(file), file.tryLock.bind(file), file.unlock.bind(file)]
    if (file.path.endsWith('append.lock')) {
      file.tryLock = () => {
        const got = tryLock()
        held ||= got
        return got
      }
      file.unlock = () => {
        held = false
        unlock()
      }
    }
    if (!file.path.endsWith('.log')) return file
    count.opens++
    file.read = (target, at, length, position) => {
      const got = read(target, at, length, position)
      count.bytes += got
      if (held) count.locked += got
      return got
    }
    return file
  }
  const open: Disk['open'] = (path, mode) => watched(process.open(path, mode))
  return { disk: new Proxy<Disk>(process, { get: (of, name) => (name === 'open' ? open : bound(of, name)) }), count }
}

function bound(of: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(of, name)
  return typeof value === 'function' ? value.bind(of) : value
}

const SEGMENT = 4000

async function opened(rig: QueueRig): Promise<Count> {
  const { disk, count } = counted(rig.disk.process())
  const store = await rig.open({ disk, segmentSize: SEGMENT })
  const { bytes, locked, opens } = count
  await store.close()
  assert.deepEqual(rig.corruptions, [])
  return { bytes, locked, opens }
}

async function waiting(items: number, durability: Durability, isKilled: boolean): Promise<QueueRig> {
  const rig = new QueueRig()
  const process = rig.disk.process()
  const store = await rig.open({ disk: process, durability, segmentSize: SEGMENT })
  for (let first = 1; first <= items; first += 5) await put(store, numbered(5, first, 100))
  // What the journal says by now is durable with it.
  await store.pop(1)
  if (isKilled) process.kill()
  return rig
}

describe('opening', () => {
  for (const durability of ['disk', 'os'] as const) {
    for (const isKilled of [true, false]) {
      it(`reads no more of a longer queue, ${isKilled ? 'after a kill' : 'beside its producer'}, '${durability}'`, async () => {
        for (const items of [100, 1000]) {
          const { bytes, locked, opens } = await opened(await waiting(items, durability, isKilled))
          assert.ok(bytes < 3 * SEGMENT, `${items}: ${bytes} bytes are read`)
          assert.ok(locked < 3000, `${items}: ${locked} of them while others wait`)
          assert.ok(opens <= 4, `${items}: ${opens} segments are opened`)
        }
      })
    }
  }

  it('reads what was not known to be durable after a power cut, and little of it while others wait', async () => {
    for (const items of [100, 1000]) {
      const rig = await waiting(items, 'disk', true)
      const [state] = [...crashStates(rig.disk.log, { from: rig.disk.log.length, kinds: ['cut'], limit: 1 })]
      const { bytes, locked } = await opened(new QueueRig(state?.disk, 5))
      assert.ok(bytes < 6 * SEGMENT, `${items}: ${bytes} bytes are read`)
      assert.ok(locked < 6000, `${items}: ${locked} of them while others wait`)
    }
  })
})

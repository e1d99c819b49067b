// aside.spec.ts: a large batch is a segment of its own, whole or not there, and holds up nobody.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageError } from '../../lib/errors.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { numbered, put, QueueRig, ready } from './queue-rig.ts'

const SMALL = { limits: { frameBytes: 500, readBytes: 256, arenaBytes: 1024 } }
const segment = (base: number, rewrite = 0) => `${String(base).padStart(20, '0')}.${rewrite}.log`
const turn = async () => {
  for (let count = 0; count < 3; count++) await new Promise(setImmediate)
}

describe('a large batch', () => {
  it('becomes a segment of its own, whole, and others are put behind it', async () => {
    const rig = new QueueRig()
    const store = await rig.open(SMALL)
    await put(store, ['1'])
    const large = put(store, numbered(20, 2, 100))
    const small = put(store, ['22'])
    assert.deepEqual(await Promise.all([large, small]), [2, 22])
    assert.deepEqual(rig.segments, [segment(1), segment(2)])
    assert.deepEqual(rig.names(/^aside/), [])
    const found = [[1, '1'], ...numbered(20, 2, 100).map((item, index) => [index + 2, item]), [22, '22']]
    for (const each of [store, await rig.open()]) assert.deepEqual(await ready(each), found)
  })

  it('is not there at all where it could not be written, synced or named', async () => {
    for (const [call, at] of [
      ['open', 1],
      ['writeAside', 1],
      ['writeAside', 3],
      ['sync', 1],
      ['write', 1],
      ['write', 2],
      ['rename', 1],
    ] as const) {
      const rig = new QueueRig()
      const disk = new FaultDisk(rig.disk)
      const store = await rig.open({ ...SMALL, disk })
      await put(store, ['1'])
      disk.setFault({ at, call, code: 'EIO' })
      await assert.rejects(put(store, numbered(20, 2, 100)), StorageError, `${call} ${at}`)
      assert.deepEqual(rig.names(/^aside/), [], `${call} ${at}`)
      assert.equal(await put(store, ['2']), 2, `${call} ${at}`)
      for (const each of [store, await rig.open()])
        assert.deepEqual(await ready(each), [
          [1, '1'],
          [2, '2'],
        ])
    }
  })

  it('does not hold up others while it is written', async () => {
    const rig = new QueueRig()
    const [store, other] = await Promise.all([rig.open(SMALL), rig.open(SMALL)])
    rig.disk.holdSyncs = true
    const large = put(store, numbered(20, 1, 100))
    await turn()
    const small = put(other, ['small'])
    await turn()
    const [aside] = [...rig.disk.heldSyncs].filter(({ path }) => path.includes('aside'))
    for (const held of [...rig.disk.heldSyncs]) if (held !== aside) held.release()
    await turn()
    rig.disk.holdSyncs = false
    rig.disk.releaseSyncs()
    assert.equal(await small, 1)
    assert.equal(await large, 2)
  })
})

// marks.spec.ts: what is in hand, and whose handle it is, in the file of an owner: what was written is read, and nothing
// else; no mark needs room on a full disk.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MARK_BYTES, MarkSlots, readMarks, writeMark } from '../../lib/log/marks.ts'
import { decodeOwnerHead, encodeOwnerHead, OWNER_HEAD_BYTES, type OwnerHead } from '../../lib/log/owner-head.ts'
import { FaultDisk } from '../crash/fault-disk.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'

const HEAD: OwnerHead = {
  pid: 4_194_303,
  thread: 12,
  since: 1_796_170_000_123,
  bootId: '5a1c9f0e-0b2d-4c3e-8f4a-123456789abc',
  host: 'worker-7.example',
  label: 'Mähdrescher',
  exclusive: true,
}

function newFile() {
  const disk = new FaultDisk(new RecordingDisk())
  const file = disk.open('/1', 'create')
  return { disk, file }
}

const mark = (from: number, to = from) => ({ from, to })

describe('an owner file', () => {
  it('says whose handle it is', () => {
    assert.deepEqual(decodeOwnerHead(encodeOwnerHead(HEAD)), HEAD)
    const other = { ...HEAD, bootId: 'minute-29839114', host: '', label: '', exclusive: false, thread: 0 }
    assert.deepEqual(decodeOwnerHead(encodeOwnerHead(other)), other)
    const long = { ...HEAD, label: 'ü'.repeat(128), host: 'h'.repeat(100) }
    assert.deepEqual(decodeOwnerHead(encodeOwnerHead(long)), { ...long, host: 'h'.repeat(64) })
    assert.throws(() => encodeOwnerHead({ ...HEAD, label: 'ü'.repeat(129) }), RangeError)
  })

  it('says nothing once a byte of its head is another one', () => {
    const right = encodeOwnerHead(HEAD)
    for (let at = 0; at < OWNER_HEAD_BYTES; at++) {
      const bytes = Buffer.from(right)
      bytes.writeUInt8(right.readUInt8(at) ^ 4, at)
      assert.equal(decodeOwnerHead(bytes), undefined, `byte ${at}`)
    }
    assert.equal(decodeOwnerHead(right.subarray(0, 511)), undefined)
    assert.equal(decodeOwnerHead(Buffer.alloc(512)), undefined)
  })

  it('holds a mark for each loop, until that ends', () => {
    const { file } = newFile()
    const slots = new MarkSlots(file, encodeOwnerHead(HEAD))
    slots.write(0, mark(7))
    slots.write(2, mark(2 ** 40, 2 ** 40 + 5))
    assert.deepEqual(readMarks(file), [mark(7), mark(2 ** 40, 2 ** 40 + 5)])
    slots.write(0, undefined)
    assert.deepEqual(readMarks(file), [mark(2 ** 40, 2 ** 40 + 5)])
    assert.deepEqual(decodeOwnerHead(bytesOf(file)), HEAD)
  })

  it('is believed in no mark of which a byte is another one', () => {
    const { file } = newFile()
    new MarkSlots(file, encodeOwnerHead(HEAD)).write(0, mark(300, 300))
    for (let at = 0; at < 20; at++) {
      const byte = bytesOf(file).subarray(OWNER_HEAD_BYTES + at, OWNER_HEAD_BYTES + at + 1)
      file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), OWNER_HEAD_BYTES + at)
      assert.deepEqual(readMarks(file), [], `byte ${at}`)
      file.write(byte, OWNER_HEAD_BYTES + at)
    }
    assert.deepEqual(readMarks(file), [mark(300, 300)])
  })

  it('needs no more room for a mark than it has from the beginning', () => {
    const { disk, file } = newFile()
    const slots = new MarkSlots(file, encodeOwnerHead(HEAD))
    const size = file.size()
    for (let loop = 0; loop < 100; loop++) slots.write(loop, mark(loop * 10 + 1))
    assert.equal(file.size(), size)
    disk.setFault({ at: 1, call: 'write', code: 'ENOSPC', times: 'forever', short: 0 })
    assert.equal(readMarks(file).length, 100)
  })

  it('grows for more marks; on a full disk its last one spans what has no other', () => {
    const { disk, file } = newFile()
    const slots = new MarkSlots(file, encodeOwnerHead(HEAD))
    const fitting = (file.size() - OWNER_HEAD_BYTES) / MARK_BYTES - 1
    for (let loop = 0; loop < fitting; loop++) slots.write(loop, mark(1000 + loop * 10))
    full(disk, () => slots.write(fitting, mark(5000)))
    full(disk, () => slots.write(fitting + 9, mark(7000, 7003)))
    full(disk, () => slots.write(fitting + 4, undefined))
    assert.deepEqual(readMarks(file).at(-1), mark(5000, 7003))
    full(disk, () => slots.write(fitting, undefined))
    assert.deepEqual(readMarks(file).at(-1), mark(7000, 7003))
    slots.write(fitting, mark(6000))
    assert.deepEqual(readMarks(file).slice(fitting), [mark(6000), mark(7000, 7003)])
    slots.write(fitting + 9, undefined)
    slots.write(fitting, undefined)
    assert.equal(readMarks(file).length, fitting)
  })

  it('may be made on a disk that is full: marks are written once it has room', () => {
    const { disk, file } = newFile()
    disk.setFault({ at: 1, call: 'write', code: 'ENOSPC', short: 700 })
    const slots = new MarkSlots(file, encodeOwnerHead(HEAD))
    full(disk, () => slots.write(0, mark(3)))
    assert.deepEqual(readMarks(file), [])
    slots.write(1, mark(9))
    assert.deepEqual(
      readMarks(file).toSorted((one, other) => one.from - other.from),
      [mark(3), mark(9)],
    )
    assert.deepEqual(decodeOwnerHead(bytesOf(file)), HEAD)
  })

  it('is read as far as a million bytes, whatever its size', () => {
    const { file } = newFile()
    file.truncate(2 ** 27)
    writeMark(file, 5, mark(11))
    assert.deepEqual(readMarks(file), [mark(11)])
  })
})

/** Where a mark needs room there is none; what stands there already can be written over. */
function full(disk: FaultDisk, write: () => void): void {
  disk.setFault({ at: 1, call: 'write', code: 'ENOSPC', short: 0 })
  write()
  disk.setFault(undefined)
}

function bytesOf(file: {
  size(): number
  read(target: Uint8Array, at: number, length: number, position: number): number
}) {
  const bytes = Buffer.alloc(file.size())
  file.read(bytes, 0, bytes.length, 0)
  return bytes
}

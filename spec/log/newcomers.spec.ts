// newcomers.spec.ts: what others appended is met whole, once and in order, whatever is read at once; what is no frame is not.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FRAME_HEADER_BYTES } from '../../lib/log/frame.ts'
import type { Log } from '../../lib/log/log.ts'
import { Newcomers } from '../../lib/log/newcomers.ts'
import type { Segment } from '../../lib/log/segment-file.ts'
import { Windows } from '../../lib/log/windows.ts'
import { runs } from '../codec/items.ts'
import { bitsOf, flipped } from './bits.ts'
import { LogRig } from './log-rig.ts'

/** One who appends, and one who has seen all that was there then. */
function appended(): { readonly rig: LogRig; readonly writer: Log; readonly other: Log; readonly tail: Segment } {
  const rig = new LogRig()
  const writer = rig.log()
  rig.put(writer, [1])
  const other = rig.log()
  return { rig, writer, other, tail: tailOf(other) }
}

function tailOf({ tail }: Log): Segment {
  return tail ?? assert.fail('a log without a segment')
}

/** What stands in the windows at each frame's place, and whether anything else does behind the last. */
function meet(other: Log, { arenaBytes = 512 } = {}): { readonly firstIds: number[]; readonly torn: boolean } {
  const windows = new Windows(arenaBytes)
  const tail = tailOf(other)
  const firstIds: number[] = []
  const torn = new Newcomers(windows, 64).read(tail, (frame) => {
    const bytes = Buffer.alloc(frame.next - frame.offset)
    tail.file.read(bytes, 0, bytes.length, frame.offset)
    assert.deepEqual(frame.body, bytes.subarray(FRAME_HEADER_BYTES))
    firstIds.push(frame.firstId)
    other.advance(tail, frame)
  })
  return { firstIds, torn }
}

describe('what others appended to a log of the queue', () => {
  const anyStep = fc.record({
    counts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    size: fc.constantFrom(0, 0, 0, 30, 200, 3000),
    isMet: fc.boolean(),
  })

  it('is met whole, once and in order', () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 30, size: 'max' }),
        fc.integer({ min: 16, max: 40_000 }),
        (steps, arenaBytes) => {
          const { rig, writer, other, tail } = appended()
          let due: number[] = []
          for (const { counts, size, isMet } of [...steps, { counts: [1], size: 0, isMet: true }]) {
            due.push(rig.put(writer, counts, size))
            if (!isMet) continue
            assert.deepEqual(meet(other, { arenaBytes }), { firstIds: due, torn: false })
            assert.deepEqual([tail.end, tail.nextId], [tailOf(writer).end, tailOf(writer).nextId])
            assert.deepEqual(meet(other, { arenaBytes }), { firstIds: [], torn: false })
            due = []
          }
        },
      ),
      runs(100),
    )
  })

  it('is shown by the windows as it stands in the file, and nothing behind it', () => {
    const { rig, writer, other, tail } = appended()
    const from = tail.end
    for (const size of [0, 40, 0, 0]) rig.put(writer, [1], size)
    const garbage = Buffer.from('no frame')
    tailOf(writer).file.write(garbage, tailOf(writer).end)
    const windows = new Windows(4096)
    const torn = new Newcomers(windows, 64).read(tail, (frame) => other.advance(tail, frame))
    assert.equal(torn, true)
    const window = windows.find(tail, from) ?? assert.fail('not kept')
    const stands = Buffer.alloc(tail.end - from)
    tail.file.read(stands, 0, stands.length, from)
    assert.deepEqual(Buffer.from(window.bytes.subarray(window.at, window.end)), stands)
    assert.equal(windows.find(tail, tail.end), undefined)
    assert.equal(
      windows.reserve(4096 - stands.length).buffer,
      window.bytes.buffer,
      'what was read in vain is room again',
    )
  })

  it('ends before a frame with any bit turned round, or cut anywhere', () => {
    const { rig, writer, other, tail } = appended()
    const from = tail.end
    const firstId = rig.put(writer, [2])
    const { file, end } = tailOf(writer)
    const whole = Buffer.alloc(end - from)
    file.read(whole, 0, whole.length, from)
    for (const bit of bitsOf(0, whole.length)) {
      file.write(flipped(whole, bit), from)
      assert.deepEqual(meet(other), { firstIds: [], torn: true }, `bit ${bit}`)
    }
    file.write(whole, from)
    for (let length = whole.length - 1; length >= 0; length--) {
      file.truncate(from + length)
      assert.deepEqual(meet(other), { firstIds: [], torn: length > 0 }, `${length} bytes`)
    }
    file.write(whole, from)
    assert.deepEqual(meet(other), { firstIds: [firstId], torn: false })
  })
})

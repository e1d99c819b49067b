// windows.spec.ts: what a window shows is what was written there.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Windows } from '../../lib/log/windows.ts'
import { runs } from '../codec/items.ts'

interface Written {
  readonly name: { readonly base: number; readonly rewrite: number }
  readonly offset: number
  readonly bytes: Buffer
}

/** The bytes from `offset` on, as a window shows them. */
function shown(windows: Windows, { name, offset, bytes }: Written): Buffer | undefined {
  const window = windows.find(name, offset)
  if (!window) return
  const at = window.at + offset - window.offset
  return Buffer.from(window.bytes.subarray(at, Math.min(at + bytes.length, window.end)))
}

describe('windows', () => {
  const anyFrame = fc.record({
    length: fc.integer({ min: 1, max: 150 }),
    base: fc.constantFrom(1, 1, 1, 500),
    rewrite: fc.constantFrom(0, 0, 0, 1),
    /** A write that failed, or what another process wrote before it. */
    skip: fc.constantFrom(0, 0, 0, 40),
    isDropped: fc.constantFrom(false, false, false, true),
  })

  it('show what was committed, whole, or nothing of it', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 40, size: 'max' }), (frames) => {
        const windows = new Windows(300)
        const written: Written[] = []
        const ends = new Map<string, number>()
        for (const [index, { length, base, rewrite, skip, isDropped }] of frames.entries()) {
          const bytes = windows.reserve(length)
          assert.equal(bytes.length, length)
          bytes.fill(index + 1)
          if (isDropped) continue
          const key = `${base}.${rewrite}`
          const offset = (ends.get(key) ?? 1056) + skip
          ends.set(key, offset + length)
          windows.commit({ base, rewrite }, offset, bytes)
          written.push({ name: { base, rewrite }, offset, bytes: Buffer.from(bytes) })
          const last = written.at(-1)
          assert.ok(last && shown(windows, last)?.equals(last.bytes), 'the last one can be read')
          for (const each of written) {
            const found = shown(windows, each)
            assert.ok(!found || found.equals(each.bytes), `frame at ${each.offset} shows something else`)
          }
        }
      }),
      runs(150),
    )
  })

  it('show nothing of another segment, another rewrite, or behind what was committed', () => {
    const windows = new Windows(300)
    const bytes = windows.reserve(10)
    windows.commit({ base: 1, rewrite: 0 }, 1056, bytes)
    windows.reserve(10)
    for (const [base, rewrite, offset] of [
      [2, 0, 1056],
      [1, 1, 1056],
      [1, 0, 1055],
      [1, 0, 1066],
    ] as const) {
      assert.equal(windows.find({ base, rewrite }, offset), undefined)
    }
    assert.ok(windows.find({ base: 1, rewrite: 0 }, 1065))
  })

  it('grow with frames that follow one another, and hold few others', () => {
    const windows = new Windows(1000)
    const name = { base: 1, rewrite: 0 }
    for (let offset = 1056; offset < 1556; offset += 50) windows.commit(name, offset, windows.reserve(50))
    const window = windows.find(name, 1056)
    assert.equal(window && window.end - window.at, 500)
    for (let round = 0; round < 100; round++)
      windows.commit({ base: 2 + round, rewrite: 0 }, 1056, windows.reserve(900))
    assert.equal(windows.find(name, 1056), undefined)
  })

  it('give what is larger than an arena a buffer of its own', () => {
    const windows = new Windows(100)
    const large = windows.reserve(5000).fill(7)
    windows.commit({ base: 1, rewrite: 0 }, 1056, large)
    assert.ok(shown(windows, { name: { base: 1, rewrite: 0 }, offset: 1056, bytes: large })?.equals(large))
  })
})

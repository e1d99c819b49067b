// layout.spec.ts: the names in a queue's folder.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  asideName,
  asideOwner,
  isManifestInMaking,
  isOurs,
  parseSegmentName,
  type SegmentName,
  segmentName,
  segmentsOf,
} from '../../lib/log/layout.ts'

const anyName: fc.Arbitrary<SegmentName> = fc.record(
  { base: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), rewrite: fc.nat() },
  { noNullPrototype: true },
)
const fewNames = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(3)), { maxLength: 20 })

describe("a segment's name", () => {
  it('says its base and how often it was rewritten, and sorts by them', () => {
    fc.assert(
      fc.property(anyName, anyName, (one, other) => {
        assert.deepEqual(parseSegmentName(segmentName(one)), one)
        if (one.base !== other.base) assert.equal(segmentName(one) < segmentName(other), one.base < other.base)
      }),
    )
    assert.equal(segmentName({ base: 183_554, rewrite: 0 }), '00000000000000183554.0.log')
  })

  it('is no other name than the one that it would be given', () => {
    const digits = fc.string({ unit: fc.constantFrom('0', '1', '9'), minLength: 18, maxLength: 22 })
    const rewrites = fc.string({ unit: fc.constantFrom('0', '1', '-', ' ', '.'), maxLength: 3 })
    fc.assert(
      fc.property(digits, rewrites, fc.constantFrom('.log', '.log~', '.LOG', ''), (base, rewrite, end) => {
        const name = `${base}.${rewrite}${end}`
        const parsed = parseSegmentName(name)
        if (parsed) assert.equal(segmentName(parsed), name)
      }),
      { numRuns: 2000 },
    )
    for (const name of [
      '00000000000000000001.00.log',
      '99999999999999999999.0.log',
      '00000000000000000000.0.log',
      '00009007199254740994.0.log',
      '1.0.log',
      '00000000000000000001.log',
    ]) {
      assert.equal(parseSegmentName(name), undefined, name)
    }
  })
})

describe('the segments in a listing', () => {
  it('are the last rewrites of each base, in order; the others are replaced', () => {
    fc.assert(
      fc.property(fewNames, fc.array(fc.string()), (pairs, others) => {
        const names = new Map(pairs.map(([base, rewrite]) => [segmentName({ base, rewrite }), { base, rewrite }]))
        fc.pre(others.every((name) => !names.has(name)))
        const { current, replaced } = segmentsOf([...names.keys(), ...others])
        assert.equal(current.length + replaced.length, names.size)
        const bases = [...new Set([...names.values()].map(({ base }) => base))].sort((one, other) => one - other)
        assert.deepEqual(
          current.map(({ base }) => base),
          bases,
        )
        for (const { base, rewrite } of replaced) {
          assert.ok(current.some((each) => each.base === base && each.rewrite > rewrite))
        }
      }),
    )
  })

  it('are none where there is nothing', () => {
    assert.deepEqual(segmentsOf([]), { current: [], replaced: [] })
    assert.deepEqual(segmentsOf(['queue.json', 'cursor.0', 'aside.1.1']), { current: [], replaced: [] })
  })
})

describe('names in the making', () => {
  it('say whose they are', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (owner, number) => assert.equal(asideOwner(asideName(owner, number)), owner)),
    )
    for (const name of ['aside.1', 'aside.x.1', 'aside.1.1.log', 'xaside.1.1', 'aside.-1.1']) {
      assert.equal(asideOwner(name), undefined, name)
    }
    assert.equal(isManifestInMaking('queue.json.2f3a0b11'), true)
    assert.equal(isManifestInMaking('queue.json'), false)
  })

  it('are names of a queue, as all that it makes, and no others are', () => {
    const ours = [
      'queue.json',
      'queue.json.12',
      'append.lock',
      'cursor.lock',
      'owners',
      'failed',
      'damaged',
      'cursor.0',
    ]
    for (const name of [...ours, 'cursor.1', 'only.3', segmentName({ base: 1, rewrite: 2 }), asideName(7, 3)]) {
      assert.equal(isOurs(name), true, name)
    }
    for (const name of ['package.json', 'queue', 'cursor.2', '.git', 'lost+found', 'readings.log', 'owners.txt', '']) {
      assert.equal(isOurs(name), false, name)
    }
  })
})

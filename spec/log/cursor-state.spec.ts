// cursor-state.spec.ts: the cursor is the fold of its records, also over a snapshot in the middle.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CursorState } from '../../lib/log/cursor-state.ts'
import type { CursorRecord } from '../../lib/log/record.ts'
import type { IdRange } from '../../lib/store.ts'
import { runs } from '../codec/items.ts'
import { decodeAll, encodeAll, smallRecord } from './records.ts'

const PLACE = { boot: 9, device: 3, inode: 4 }

type Of<K extends CursorRecord['kind']> = Extract<CursorRecord, { readonly kind: K }>

const anyRecords = fc.array(smallRecord, { maxLength: 40, size: 'max' })
const took = (owner: number, from: number, to = from): Of<'took'> => ({
  kind: 'took',
  owner,
  deadline: 0,
  mode: 0,
  ids: [{ from, to }],
})

function fold(records: readonly CursorRecord[], state = new CursorState()): CursorState {
  for (const record of records) state.apply(record)
  return state
}

/** All that a state says, for people and for comparing. */
function said(state: CursorState): unknown {
  const { owners, failed, nextOwner, lost, synced, runs: ids } = state
  const { head, settled, inFlight, highest } = ids
  return { head, settled, inFlight, highest, ids: [...ids], owners, failed, nextOwner, lost, synced }
}

describe('the state of the cursor', () => {
  it('comes back from its snapshot, and gives the same bytes again', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const state = fold(records)
        const bytes = Buffer.from(state.encode())
        const again = CursorState.decode(bytes)
        assert.deepEqual(said(again), said(state))
        assert.ok(again.encode().equals(bytes))
      }),
      runs(150),
    )
  })

  it('is the same over a snapshot in the middle, byte for byte', () => {
    fc.assert(
      fc.property(anyRecords, anyRecords, (before, behind) => {
        const straight = fold([...before, ...behind])
        const over = fold(behind, CursorState.decode(Buffer.from(fold(before).encode())))
        assert.deepEqual(said(over), said(straight))
        assert.ok(over.encode().equals(straight.encode()))
      }),
      runs(150),
    )
  })

  it('is the same when its records went through their bytes', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const chain = { seed: 3, salt: 4 }
        assert.deepEqual(said(fold(decodeAll(encodeAll(records, chain), chain))), said(fold(records)))
      }),
      runs(100),
    )
  })

  it('of version 1 says no more of an owner than its boot', () => {
    // head 1, next owner 3, lost 0, synced-to (0, 0, 1), one owner (2, boot 77), none failed, no runs
    const bytes = Buffer.from([1, 3, 0, 0, 0, 1, 1, 2, 77, 0, 0])
    const state = CursorState.decode(bytes, 1)
    assert.deepEqual([...state.owners], [[2, { boot: 77, device: 0, inode: 0 }]])
    assert.deepEqual([state.nextOwner, state.runs.head, [...state.runs]], [3, 1, []])
    assert.ok(state.encode(1).equals(bytes))
    assert.deepEqual([...state.encode()], [1, 3, 0, 0, 0, 1, 1, 2, 77, 0, 0, 0, 0])
  })

  it('counts what is lost once, and only where it was not settled already', () => {
    const gone = (why: number, from: number, to: number): CursorRecord => ({ kind: 'gone', why, ids: [{ from, to }] })
    const state = fold([{ kind: 'settled', ids: [{ from: 3, to: 4 }] }, gone(2, 1, 6), gone(2, 1, 6)])
    assert.equal(state.lost, 4)
    assert.equal(state.runs.head, 7)
    assert.equal(fold([gone(0, 1, 5), gone(1, 6, 9)]).lost, 0, 'a crash or a void is no loss')
  })

  it('counts attempts: as often as it was handed out, less what was given back unseen', () => {
    const back = (counted: number): CursorRecord => ({ kind: 'back', counted, due: 0, ids: [{ from: 1, to: 1 }] })
    assert.deepEqual(fold([took(1, 1), back(1)]).runs.at(1), { state: 'back', attempt: 1, due: 0 })
    assert.equal(fold([took(1, 1), back(0)]).runs.at(1), undefined, 'as if it had never been handed out')
    const twice = fold([took(1, 1), back(1), took(2, 1)]).runs.at(1)
    assert.deepEqual(twice, { state: 'inFlight', owner: 2, attempt: 2, deadline: 0, mode: 0 })
  })

  it('gives back what an owner held when it left, and only that', () => {
    const state = fold([
      { kind: 'joined', owner: 1, place: PLACE },
      { kind: 'joined', owner: 2, place: PLACE },
      took(1, 1, 4),
      took(2, 5, 6),
      { kind: 'settled', ids: [{ from: 2, to: 2 }] },
      { kind: 'left', owner: 1, counted: 1, ids: [] },
    ])
    assert.deepEqual(state.runs.ready(10, 10, 0), [
      { from: 1, to: 1 },
      { from: 3, to: 4 },
      { from: 7, to: 9 },
    ])
    assert.deepEqual(
      state.heldBy(2).map(({ from, to }) => [from, to]),
      [[5, 6]],
    )
    assert.deepEqual([...state.owners.keys()], [2])
    assert.equal(state.nextOwner, 3)
  })

  it('moves its synced-to forward only', () => {
    const synced = (segment: number, offset: number): CursorRecord => ({
      kind: 'synced',
      segment,
      offset,
      nextId: offset,
    })
    const state = fold([synced(1, 2000), synced(1, 1500), synced(0, 9000)])
    assert.deepEqual(state.synced, { position: { segment: 1, offset: 2000 }, nextId: 2000 })
  })

  it('does not change what is in a queue by records that came too late', () => {
    const settled: CursorRecord = { kind: 'settled', ids: [{ from: 1, to: 3 }] }
    const late: CursorRecord[] = [
      { kind: 'back', counted: 1, due: 0, ids: [{ from: 1, to: 3 }] },
      { kind: 'left', owner: 1, counted: 1, ids: [] },
      took(2, 1, 3),
    ]
    assert.deepEqual(said(fold([settled, ...late])), said(fold([settled])))
  })

  it('tells a lease that has ended until it is told what became of it, also over a snapshot', () => {
    const leased = (from: number, to: number, deadline: number): CursorRecord => ({
      ...took(1, from, to),
      deadline,
    })
    const state = fold([leased(1, 2, 100), leased(3, 3, 0), leased(4, 5, 200), took(1, 6)])
    const again = () => CursorState.decode(Buffer.from(state.encode()))
    const expiredAt = (now: number) => {
      const said = [state.runs.expired(now), state.runs.expired(now), again().runs.expired(now)].map(eachId)
      assert.deepEqual([said[1], said[2]], [said[0], said[0]])
      return said[0]
    }
    assert.deepEqual(expiredAt(99), [])
    assert.deepEqual(expiredAt(100), [1, 2])
    assert.deepEqual(expiredAt(1e6), [1, 2, 4, 5])
    state.apply({ kind: 'extended', deadline: 300, ids: [{ from: 2, to: 4 }] })
    assert.deepEqual(expiredAt(299), [1, 5])
    state.apply({ kind: 'back', counted: 1, due: 0, ids: [{ from: 1, to: 5 }] })
    assert.deepEqual(expiredAt(1e6), [])
    state.apply(leased(1, 1, 50))
    assert.deepEqual(expiredAt(50), [1])
  })

  it('charges, of what was taken ahead, only what its owner had in hand', () => {
    const ahead: CursorRecord = { ...took(1, 1, 4), mode: 1 }
    const left: CursorRecord = { kind: 'left', owner: 1, counted: 1, ids: [{ from: 2, to: 2 }] }
    const state = fold([ahead, took(1, 5), took(2, 6), left])
    const attempts = [1, 2, 3, 4, 5]
      .map((id) => state.runs.at(id))
      .map((value) => (value?.state === 'back' ? value.attempt : 0))
    assert.deepEqual(attempts, [0, 1, 0, 0, 1])
    assert.equal(state.runs.at(6)?.state, 'inFlight', 'it is held by somebody else')
    assert.equal(
      fold([took(2, 2), left]).runs.at(2)?.state,
      'inFlight',
      'a mark of what is no longer held says nothing',
    )
  })

  it('keeps as many acknowledged ids as it was told, the last ones', () => {
    const acked = (from: number, to: number): Of<'acked'> => ({ kind: 'acked', keep: 3, ids: [{ from, to }] })
    const state = fold([acked(1, 2), acked(5, 6)])
    assert.equal(state.runs.acked, 3)
    assert.deepEqual(
      [...state.runs.withStatus('acked', 1, 100, 0)],
      [
        { from: 2, to: 2 },
        { from: 5, to: 6 },
      ],
    )
    assert.equal(fold([acked(1, 2), { ...acked(3, 3), keep: 0 }]).runs.head, 4)
  })
})

function eachId(ranges: readonly IdRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index))
}

// journal-crash.spec.ts: whatever a kill or a power cut leaves of the cursor's files, what was synced is there, nothing
// is there that was never written, and a mere crash is not told as damage.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CursorState } from '../../lib/log/cursor-state.ts'
import type { CursorRecord } from '../../lib/log/record.ts'
import type { CrashKind, CrashState } from '../crash/crash-state.ts'
import { randomOf } from '../crash/digest.ts'
import { crashStates } from '../crash/states.ts'
import { append, FOLDER, harden, journalOn, Rig, said, settled } from './journal-rig.ts'

const CHECK = process.env.SPOOLQ_CHECK !== undefined
const SEED = Number(process.env.SPOOLQ_SEED ?? 1)

/** How many records were written, and how many of them known to be durable, when the disk's log was so long. */
interface Moment {
  readonly ops: number
  readonly written: number
  readonly durable: number
}

/** So many records are there at least, and so many at most. */
interface Between {
  readonly durable: number
  readonly written: number
}

class Told extends Rig {
  readonly moments: Moment[] = [{ ops: 0, written: 0, durable: 0 }]
  #durable = 0

  note(durable = this.#durable): void {
    this.#durable = durable
    this.moments.push({ ops: this.disk.log.length, written: this.records.length, durable })
  }

  /** What is known at a point of the log: the last moment before it, and the first behind it. */
  at(prefix: number): Between {
    const before = this.moments.findLast(({ ops }) => ops <= prefix)
    const behind = this.moments.find(({ ops }) => ops >= prefix)
    return { durable: before?.durable ?? 0, written: behind?.written ?? this.records.length }
  }
}

/** Writes records, some of them together, some large, and syncs every so often, up to some step. */
async function workload(steps: number, syncEvery: number, syncUntil = steps): Promise<Told> {
  const random = randomOf(SEED)
  const rig = new Told()
  const journal = rig.open()
  // As an opening does it, before anything relies on the names.
  for (const folder of ['/', FOLDER]) await rig.disk.syncFolder(folder)
  await harden(journal)
  rig.note(0)
  for (let step = 1, id = 1; step <= steps; step++) {
    const batch: CursorRecord[] = []
    for (let left = random(4); left >= 0; left--) {
      const next = id + random(3) + 1
      batch.push(settled(id, next - 1))
      id = next
    }
    const ids = Array.from({ length: 12 }, (_, n) => ({ from: id + 3 * n + 500, to: id + 3 * n + 500 }))
    if (step % 9 === 0) batch.push({ kind: 'settled', ids })
    await rig.write(journal, ...batch)
    rig.note()
    if (step % syncEvery !== 0 || step > syncUntil) continue
    const { length } = rig.records
    await journal.sync()
    rig.note(length)
  }
  return rig
}

type Judge = (state: CrashState, found: CursorState, between: Between) => void

async function tryAll(rig: Told, kind: CrashKind, limit: number, judge: Judge): Promise<number> {
  let tried = 0
  for (const state of crashStates(rig.disk.log, { seed: SEED, kinds: [kind], limit })) {
    if (!state.disk.paths().includes(FOLDER)) continue
    const between = rig.at(state.prefix)
    const journal = journalOn(state.disk)
    assert.ok(!journal.lostAll || between.durable === 0, `${state.name}: all is lost`)
    judge(state, journal.state, between)
    const isTold = journal.damaged.some(({ isGap }) => !(isGap && kind === 'cut'))
    assert.ok(!isTold, `${state.name} is told as damage`)
    await append(journal, [settled(100_000)])
    const again = journalOn(state.disk)
    assert.equal(said(again.state), said(journal.state), `${state.name}: the next one says something else`)
    assert.deepEqual(again.damaged, [], `${state.name}: the next one meets it again`)
    tried++
  }
  return tried
}

/** Every record in the order of their writing, up to some. */
function judgeOrder(rig: Told): Judge {
  const known = statesOf(rig.records)
  return ({ name }, found, { durable, written }) => {
    const count = known.get(said(found))
    assert.ok(count !== undefined, `${name}: no state that ever was`)
    assert.ok(count >= durable && count <= written, `${name}: ${count} records, not ${durable} to ${written}`)
  }
}

/** For each number of records what the state is then. */
function statesOf(records: readonly CursorRecord[]): Map<string, number> {
  const state = new CursorState()
  const known = new Map([[said(state), 0]])
  for (const [index, record] of records.entries()) {
    state.apply(record)
    known.set(said(state), index + 1)
  }
  return known
}

/** Sectors may get through in any order: what was synced is there, and beyond it nothing but what was written. */
function judgeIds(rig: Told): Judge {
  return ({ name }, found, { durable, written }) => {
    const [least, most] = [foldOf(rig.records.slice(0, durable)), foldOf(rig.records.slice(0, written))]
    const last = Math.max(most.runs.highest, found.runs.highest, found.runs.head)
    for (let id = 1; id <= last; id++) {
      const isSettled = found.runs.at(id)?.state === 'settled'
      assert.ok(isSettled || least.runs.at(id)?.state !== 'settled', `${name}: ${id} is no longer settled`)
      assert.ok(!isSettled || most.runs.at(id)?.state === 'settled', `${name}: ${id} was never settled`)
    }
  }
}

function foldOf(records: readonly CursorRecord[]): CursorState {
  const state = new CursorState()
  for (const record of records) state.apply(record)
  return state
}

describe('the journal, after a crash', () => {
  it('holds what was written when its process is killed, at any byte', async (t) => {
    const rig = await workload(60, 5)
    const tried = await tryAll(rig, 'kill', CHECK ? Number.POSITIVE_INFINITY : 4, judgeOrder(rig))
    t.diagnostic(`${tried} states, seed ${SEED}`)
  })

  it('holds what was synced when the power is cut, and is not told as damaged', async (t) => {
    const rig = await workload(CHECK ? 60 : 30, 3)
    const tried = await tryAll(rig, 'cut', CHECK ? 150 : 3, judgeIds(rig))
    t.diagnostic(`${tried} states, seed ${SEED}`)
  })

  it('holds what was synced when the power is cut after long without a sync', async (t) => {
    const rig = await workload(CHECK ? 60 : 40, 4, 4)
    const tried = await tryAll(rig, 'cut', CHECK ? 150 : 3, judgeIds(rig))
    t.diagnostic(`${tried} states, seed ${SEED}`)
  })
})

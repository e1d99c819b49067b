// reclaim.ts: what dead handles held is ready again. A handle is dead whose lock is free (owner.ts). Its row is locked
// first, and the lock looked at once more, so that a handle which comes back is either alive or gone, and knows.
//
// Of what it had taken uncharged, what its marks name is charged, and the rest is not. Its sums are added to those of
// owner 0. Its tally stays, for an hour, without sums: it may still be asked which step was its last. Nobody asks after one
// that was closed.

import type { IdRange } from '../store.ts'
import type { Cell, Link, Result } from './driver.ts'
import { lockOf } from './owner.ts'
import { IN_FLIGHT, READY, TIMED } from './schema.ts'
import { givingBack } from './settle.ts'
import { NOW, partsOf, withIds } from './statements.ts'
import type { Plan, Step } from './steps.ts'
import { Tally } from './tally.ts'

const SUMS = ['ready', 'waiting', 'flying', 'timed', 'failed', 'acked', 'bytes', 'lost', 'changes', 'returns']
/** A server that has just started has lost every lock: the living need a moment to come back. */
const RESTART_S = 3
/** How long the tally of a dead handle is kept, in microseconds. */
const KEPT_US = 3_600_000_000
/** Of those, how many a burial deletes. */
const FORGOTTEN = 500

/** What finds handles of a queue that seem to be dead, as [id, uuid]. */
export function deadOf(queue: number): string {
  return `SELECT id, uuid ${those(queue)}`
}

/** How many of them there are, as a part of another statement. */
export function countOfDead(queue: number): string {
  return `(SELECT COUNT(*) ${those(queue)})`
}

function those(queue: number): string {
  return `FROM spoolq_owners WHERE queue = ${queue} AND IS_FREE_LOCK(CONCAT('${lockOf('')}', uuid)) = 1`
}

export const UPTIME = "SHOW GLOBAL STATUS LIKE 'Uptime'"

export function isRestarted(rows: readonly (readonly Cell[])[] = []): boolean {
  return Number(rows[0]?.[1]) < RESTART_S
}

export interface Dead {
  readonly id: number
  readonly uuid: string
}

/** Takes back what one handle held; the result is how many items that were. */
export async function reclaim({ link }: Step, queue: number, { id, uuid }: Dead): Promise<Plan<number>> {
  const [, row, lock, sums, items, old] = await link.ask([
    'BEGIN',
    `SELECT marks FROM spoolq_owners WHERE id = ${id} FOR UPDATE`,
    `SELECT IS_FREE_LOCK('${lockOf(uuid)}')`,
    `SELECT ${SUMS.join()} FROM spoolq_tallies WHERE queue = ${queue} AND owner = ${id} FOR UPDATE`,
    heldBy(queue, id),
    forgettable(queue),
  ])
  const marks = row?.rows[0]?.[0]
  if (marks === undefined || Number(lock?.rows[0]?.[0]) !== 1) {
    return { statements: undefined, tally: new Tally(), result: () => 0 }
  }
  const held = (items?.rows ?? []).map(heldOf)
  const tally = new Tally()
  for (const { bytes, isTimed } of held) tally.move(1, bytes, { from: isTimed ? TIMED : IN_FLIGHT, to: READY })
  const statements = [
    ...givenBack(queue, held, marksOf(marks)),
    ...burying({ queue, owner: id, old: numbersOf(old) }, (sums?.rows[0] ?? []).map(Number)),
  ]
  return { statements, tally, result: () => held.length }
}

/**
 * Everything that a handle held is ready again, each attempt counted, and its row and its sums are gone. A transaction of
 * its own, that does nothing the second time.
 */
export async function leave(link: Link, queue: number, owner: number): Promise<void> {
  const [, , sums, items, old] = await link.ask([
    'BEGIN',
    `SELECT id FROM spoolq_owners WHERE id = ${owner} FOR UPDATE`,
    `SELECT ${SUMS.join()} FROM spoolq_tallies WHERE queue = ${queue} AND owner = ${owner} FOR UPDATE`,
    heldBy(queue, owner),
    forgettable(queue),
  ])
  const held = (items?.rows ?? []).map((row) => ({ ...heldOf(row), isAhead: false }))
  const [ready = 0, waiting = 0, flying = 0, timed = 0, ...others] = (sums?.rows[0] ?? []).map(Number)
  const late = held.filter(({ isTimed }) => isTimed).length
  const left = [ready + held.length, waiting, flying - held.length + late, timed - late, ...others]
  const forgotten = [...numbersOf(old), owner]
  await link.ask([...givenBack(queue, held, []), ...burying({ queue, owner, old: forgotten }, left), 'COMMIT'])
}

interface Held {
  readonly id: number
  readonly bytes: number
  readonly isAhead: boolean
  readonly isTimed: boolean
}

/** Found without a lock, so that nobody waits who settles what he holds himself, and locked by their ids. */
function heldBy(queue: number, owner: number): string {
  const held = `status IN (${IN_FLIGHT}, ${TIMED}) AND owner = ${owner}`
  return `SELECT id, LENGTH(payload), ahead, status FROM
    (SELECT id AS one FROM spoolq_items FORCE INDEX (spoolq_front) WHERE queue = ${queue} AND ${held} LIMIT ${2 ** 53}) AS those
    STRAIGHT_JOIN spoolq_items FORCE INDEX (PRIMARY) ON queue = ${queue} AND id = one WHERE ${held} FOR UPDATE`
}

function heldOf([id, bytes, ahead, status]: readonly Cell[]): Held {
  return { id: Number(id), bytes: Number(bytes), isAhead: Number(ahead) === 1, isTimed: Number(status) === TIMED }
}

function givenBack(queue: number, held: readonly Held[], marks: readonly IdRange[]): string[] {
  const isMarked = (id: number): boolean => marks.some(({ from, to }) => from <= id && id <= to)
  const isCharged = ({ id, isAhead }: Held): boolean => !isAhead || isMarked(id)
  const back = (items: readonly Held[], counted: boolean): string[] => {
    const set = `UPDATE spoolq_items SET ${givingBack(undefined, counted)} WHERE queue = ${queue}`
    return partsOf(items.map(({ id }) => id)).map((ids) => `${set} AND ${withIds(ids)}`)
  }
  const uncharged = held.filter((item) => !isCharged(item))
  return [...back(held.filter(isCharged), true), ...back(uncharged, false)]
}

/** Tallies of the dead that nobody asks for any more. */
function forgettable(queue: number): string {
  return `SELECT owner FROM spoolq_tallies WHERE queue = ${queue} AND buried < ${NOW} - ${KEPT_US} LIMIT ${FORGOTTEN}`
}

interface Burial {
  readonly queue: number
  readonly owner: number
  /** Those whose tallies go for good. */
  readonly old: readonly number[]
}

/** The row of owner 0 comes first: who buries at the same time waits there, and for nothing else. */
function burying({ queue, owner, old }: Burial, sums: readonly number[]): string[] {
  const added = SUMS.map((column, i) => `${column} = ${column} + ${sums[i] ?? 0}`)
  const none = SUMS.map((column) => `${column} = 0`)
  const where = `queue = ${queue} AND owner`
  return [
    `UPDATE spoolq_tallies SET ${added.join()}, changes = changes + 1, returns = returns + 1 WHERE ${where} = 0`,
    `UPDATE spoolq_tallies SET ${none.join()}, buried = ${NOW} WHERE ${where} = ${owner}`,
    `DELETE FROM spoolq_owners WHERE id = ${owner}`,
    ...(old.length === 0 ? [] : [`DELETE FROM spoolq_tallies WHERE ${where} IN (${old.join()})`]),
  ]
}

function numbersOf(result: Result | undefined): number[] {
  return (result?.rows ?? []).map(([number]) => Number(number))
}

function marksOf(cell: Cell): IdRange[] {
  const marks: unknown = JSON.parse(String(cell) || '[]')
  return Array.isArray(marks) ? marks : []
}

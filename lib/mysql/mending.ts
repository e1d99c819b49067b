// mending.ts: transactions over items that nobody holds: those that were set aside, that are cleared, or replaced.

import type { Piece } from '../store.ts'
import { lockingIds, PART, renumbering } from './ids.ts'
import { poppedAs, restoring } from './rows.ts'
import { ACKED, DELAYED, FAILED, READY } from './schema.ts'
import { freeing } from './settle.ts'
import { deletingItems, hex, LOT_CHARACTERS, listsOf, lotsOf, oneByOne, text, withIds } from './statements.ts'
import type { Plan, Step } from './steps.ts'
import { Tally } from './tally.ts'

/** Items of one transaction of a call that is about all there are. */
const MANY = 5000

export interface Failed {
  readonly queue: number
  /** All, where it is undefined. */
  readonly ids: readonly number[] | undefined
  /** Goes on behind it. */
  readonly after: number
}

interface FailedRow {
  readonly id: number
  readonly bytes: number
  readonly key: Buffer | undefined
}

/** What one transaction came to: how many, and where the next one goes on; undefined: nowhere. */
export interface Part<A = number> {
  readonly count: number
  readonly after: A | undefined
}

/** Failed items go for good. */
export async function discard(step: Step, failed: Failed): Promise<Plan<Part>> {
  const rows = await failedRows(step, failed, MANY)
  const tally = new Tally()
  tally.move(rows.length, 0, { from: FAILED })
  const part = { count: rows.length, after: rows.length < MANY ? undefined : rows.at(-1)?.id }
  const statements = rows.length === 0 ? undefined : removing(failed.queue, rows)
  return { statements, tally, result: () => part }
}

/** Failed items are ready under new ids; those whose key another has by now stay. */
export async function retry(step: Step, failed: Failed): Promise<Plan<Part>> {
  const { queue } = failed
  const rows = await failedRows(step, failed, PART)
  const known = await keysOf(step, queue, rows)
  const own = new Set<string>()
  const isFresh = ({ key }: FailedRow): boolean => {
    const word = key?.toString()
    if (word === undefined) return true
    if (known.has(word) || own.has(word)) return false
    own.add(word)
    return true
  }
  const fresh = rows.filter(isFresh)
  const tally = new Tally()
  for (const { bytes } of fresh) tally.move(1, bytes, { from: FAILED, to: READY })
  const ids = fresh.map(({ id }) => id)
  const ready = `status = ${READY}, place = priority, attempt = 0, reason = NULL`
  const statements = [
    ...listsOf(ids).map((list) => `UPDATE spoolq_items SET ${ready} WHERE queue = ${queue} AND ${withIds(list)}`),
    ...takingKeys(queue, fresh),
    ...renumbering(queue, ids),
  ]
  const part = { count: fresh.length, after: rows.length < PART ? undefined : rows.at(-1)?.id }
  return { statements: fresh.length === 0 ? undefined : statements, tally, result: () => part }
}

/** A popped item is set aside. */
export function setAside(queue: number, { piece, reason }: { piece: Piece; reason: string }): Plan<void> {
  const tally = new Tally()
  const rows = poppedAs(piece)
  tally.move(rows.length, 0, { to: FAILED })
  const ids = withIds(rows.map(({ id }) => id))
  const told = `UPDATE spoolq_items SET reason = ${text(reason)} WHERE queue = ${queue} AND ${ids}`
  const statements = ['BEGIN', ...restoring(queue, rows, { status: FAILED, place: 0 }), told]
  return { statements, tally, result: () => {} }
}

/** Where a clear is: behind that item. */
export interface Front {
  readonly status: number
  readonly place: number
  readonly id: number
}

export interface Cleared {
  readonly queue: number
  readonly before: number
  readonly after?: Front | undefined
}

/** Some of what is ready, and then of what is delayed, and older than `before` goes, but for what somebody is taking. */
export async function clear(
  step: Step,
  { queue, before, after = frontOf(READY) }: Cleared,
): Promise<Plan<Part<Front>>> {
  await step.link.ask(['BEGIN'])
  const first = await clearable(step, { queue, before, after })
  // One transaction where they are few: nobody sees what is ready gone and what is delayed there.
  const isBoth = after.status === READY && first.next?.status === DELAYED
  const parts = isBoth ? [first, await clearable(step, { queue, before, after: frontOf(DELAYED) })] : [first]
  const tally = new Tally()
  for (const { rows, status } of parts) for (const { bytes } of rows) tally.move(1, bytes, { from: status })
  const rows = parts.flatMap((part) => part.rows)
  const statements = rows.length === 0 ? undefined : [...removing(queue, rows), ...freeing(queue, rows)]
  return { statements, tally, result: () => ({ count: rows.length, after: parts.at(-1)?.next }) }
}

interface Clearable {
  readonly status: number
  readonly rows: readonly FailedRow[]
  /** Where it goes on. */
  readonly next: Front | undefined
}

async function clearable(
  { link }: Step,
  { queue, before, after }: Cleared & { readonly after: Front },
): Promise<Clearable> {
  const { status, place, id } = after
  const where = `WHERE queue = ${queue} AND status = ${status} AND owner = 0 AND id < ${before}`
  const behind = `(place > ${place} OR (place = ${place} AND id > ${id}))`
  const [read] = await link.ask([
    `SELECT id, place FROM spoolq_items FORCE INDEX (spoolq_front) ${where} AND ${behind} ORDER BY place, id LIMIT ${MANY}`,
  ])
  const seen = (read?.rows ?? []).map((row) => row.map(Number))
  const select = `SELECT id, LENGTH(payload), ukey FROM spoolq_items FORCE INDEX (PRIMARY) ${where}`
  const rows: FailedRow[] = []
  for (const list of listsOf(seen.map(([one = 0]) => one))) {
    const [found] = await link.ask([`${select} AND ${oneByOne(list)} FOR UPDATE SKIP LOCKED`])
    rows.push(...(found?.rows ?? []).map(failedRow))
  }
  return { status, rows, next: nextFront(status, seen) }
}

function frontOf(status: number): Front {
  return { status, place: -Number.MAX_VALUE, id: 0 }
}

function nextFront(status: number, seen: readonly (readonly number[])[]): Front | undefined {
  const [id, place] = seen.at(-1) ?? []
  if (seen.length === MANY && id !== undefined && place !== undefined) return { status, place, id }
  return status === READY ? frontOf(DELAYED) : undefined
}

export interface Update {
  readonly queue: number
  readonly id: number
  readonly bytes: Uint8Array
  readonly key: string | undefined
}

/** Another payload, and key, for one item; resolves to whether there is such an item, and nobody else has the key. */
export async function update(step: Step, { queue, id, bytes, key }: Update): Promise<Plan<boolean>> {
  const where = `WHERE queue = ${queue} AND id = ${id}`
  const word = key === undefined ? 'NULL' : text(key)
  const [, , found, other] = await step.link.ask([
    'BEGIN',
    lockingIds(queue),
    `SELECT status, LENGTH(payload) FROM spoolq_items ${where} AND status <> ${ACKED} FOR UPDATE`,
    `SELECT 1 FROM spoolq_keys WHERE queue = ${queue} AND ukey = ${word} AND id <> ${id}`,
  ])
  const [status, length] = (found?.rows[0] ?? []).map(Number)
  const tally = new Tally()
  if (status === undefined || (status !== FAILED && (other?.rows.length ?? 0) > 0)) {
    return { statements: undefined, tally, result: () => false }
  }
  if (status !== FAILED) tally.grow(bytes.length - (length ?? 0))
  const statements = [
    `UPDATE spoolq_items SET payload = ${hex(bytes)}, ukey = ${word}, updated = 1 ${where}`,
    `DELETE FROM spoolq_keys ${where}`,
    ...(key === undefined || status === FAILED
      ? []
      : [`INSERT INTO spoolq_keys (queue, ukey, id) VALUES (${queue}, ${word}, ${id})`]),
  ]
  return { statements, tally, result: () => true }
}

async function failedRows(step: Step, { queue, ids, after }: Failed, limit: number): Promise<FailedRow[]> {
  const which = ids === undefined ? '' : `AND ${oneByOne(ids)}`
  const along = ids === undefined ? 'spoolq_front' : 'PRIMARY'
  const [, , found] = await step.link.ask([
    'BEGIN',
    lockingIds(queue),
    `SELECT id, LENGTH(payload), ukey FROM spoolq_items FORCE INDEX (${along})
      WHERE queue = ${queue} AND status = ${FAILED} AND owner = 0 AND place = 0 AND id + 0 > ${after} ${which} ORDER BY id LIMIT ${limit} FOR UPDATE`,
  ])
  return (found?.rows ?? []).map(failedRow)
}

function failedRow([id, bytes, key]: readonly unknown[]): FailedRow {
  return { id: Number(id), bytes: Number(bytes), key: Buffer.isBuffer(key) ? key : undefined }
}

/** The keys of those that somebody has. */
async function keysOf(step: Step, queue: number, rows: readonly FailedRow[]): Promise<ReadonlySet<string>> {
  const keys = rows.flatMap(({ key }) => (key === undefined ? [] : [hex(key)]))
  const known = new Set<string>()
  for (const lot of lotsOf(keys, LOT_CHARACTERS)) {
    const [read] = await step.link.ask([
      `SELECT ukey FROM spoolq_keys WHERE queue = ${queue} AND ukey IN (${lot.join()})`,
    ])
    for (const [key] of read?.rows ?? []) known.add(String(key))
  }
  return known
}

function takingKeys(queue: number, rows: readonly FailedRow[]): string[] {
  const values = rows.flatMap(({ id, key }) => (key === undefined ? [] : [`(${queue},${hex(key)},${id})`]))
  return lotsOf(values, LOT_CHARACTERS).map((lot) => `INSERT INTO spoolq_keys (queue, ukey, id) VALUES ${lot.join()}`)
}

function removing(queue: number, rows: readonly FailedRow[]): string[] {
  return deletingItems(
    queue,
    rows.map(({ id }) => id),
  )
}

// statements.ts: literals and conditions as SQL: numbers and hex digits, never a quoted string.

import type { IdRange } from '../store.ts'
import { systemClock } from '../wait/clock.ts'

export function hex(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return `X'${buffer.toString('hex')}'`
}

export function text(words: string): string {
  return hex(Buffer.from(words))
}

/** Fails, with OUT_OF_RANGE, where the condition holds. Nothing else that fails on condition costs as little. */
export function failsWhere(condition: string): string {
  return `9223372036854775807 + (${condition})`
}

export const OUT_OF_RANGE = 1690

/** Of the longest number, with its comma. */
const MOST_DIGITS = 17

/** The first of the ids that this connection took last (ids.ts). */
export const FIRST_ID = 'LAST_INSERT_ID()'

/** Microseconds since 1970, by the server's clock. */
export const NOW = 'CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)'

/** That many milliseconds from now, by the server's clock: a time of this process's clock is as far from its own now. */
export function fromNow(time: number, now = systemClock.now()): string {
  return `${NOW} + ${Math.round((time - now) * 1000)}`
}

/** What a statement may name without asking how much the server takes: the smallest packet (settings.ts) holds it. */
export const LOT_CHARACTERS = 12_000
/** Of a list of ids: a statement may have two. */
const LIST_CHARACTERS = LOT_CHARACTERS / 2

/** Those ids in lists that are short enough for a statement which names them one by one. */
export function listsOf(ids: readonly number[]): readonly (readonly number[])[] {
  if (ids.length * MOST_DIGITS <= LIST_CHARACTERS) return ids.length === 0 ? [] : [ids]
  const lists: number[][] = []
  let characters = Infinity
  for (const id of ids) {
    const more = String(id).length + 1
    if (characters + more > LIST_CHARACTERS) {
      lists.push([])
      characters = 0
    }
    lists.at(-1)?.push(id)
    characters += more
  }
  return lists
}

/** As `listsOf`, for statements that name a run of ids by its ends. */
export function partsOf(ids: readonly number[]): readonly (readonly number[])[] {
  return runsOf(ids).length === 1 ? [ids] : listsOf(ids)
}

/** Those ids, runs of them as ranges. */
export function withIds(ids: readonly number[]): string {
  const parts: string[] = []
  const singles: number[] = []
  for (const { from, to } of runsOf(ids)) {
    if (to - from < 2) for (let id = from; id <= to; id += 1) singles.push(id)
    else parts.push(`id BETWEEN ${from} AND ${to}`)
  }
  if (singles.length > 0) parts.push(`id IN (${singles.join()})`)
  return parts.length === 0 ? 'FALSE' : `(${parts.join(' OR ')})`
}

/** Those ids, to be locked: behind a range the row that follows would be locked too, or waited for. */
export function oneByOne(ids: readonly number[]): string {
  return ids.length === 0 ? 'FALSE' : `id IN (${ids.join()})`
}

/** Rows of a queue that are deleted by their ids, along the index that leads to them. */
interface Doomed {
  readonly table: string
  readonly index: string
  readonly queue: number
  /** A condition of theirs. */
  readonly also?: string
}

/** Deletes the rows of those ids, and locks no other: one range ends with its last row, others are taken one by one. */
function deleting({ table, index, queue, also = '' }: Doomed, ids: readonly number[]): string {
  const where = `WHERE queue = ${queue} AND`
  if (runsOf(ids).length === 1) return `DELETE FROM ${table} ${where} ${withIds(ids)} ${also} LIMIT ${ids.length}`
  return `DELETE ${table} FROM ${table} FORCE INDEX (${index}) ${where} ${oneByOne(ids)} ${also}`
}

export function deletingItems(queue: number, ids: readonly number[]): string[] {
  return partsOf(ids).map((part) => deletingPart(queue, part))
}

/** Of ids that are one part (`partsOf`): one statement. */
export function deletingPart(queue: number, ids: readonly number[], also = ''): string {
  return deleting({ table: 'spoolq_items', index: 'PRIMARY', queue, also }, ids)
}

export function deletingKeys(queue: number, ids: readonly number[]): string[] {
  return partsOf(ids).map((part) => deleting({ table: 'spoolq_keys', index: 'spoolq_key_of', queue }, part))
}

/** In order, and what follows each other as one. */
export function runsOf(ids: readonly number[]): IdRange[] {
  const sorted = ids.every((id, i) => i === 0 || id >= (ids[i - 1] ?? 0)) ? ids : [...ids].sort((a, b) => a - b)
  const runs: { from: number; to: number }[] = []
  let last: { from: number; to: number } | undefined
  for (const id of sorted) {
    if (last !== undefined && id <= last.to + 1) {
      last.to = id
      continue
    }
    last = { from: id, to: id }
    runs.push(last)
  }
  return runs
}

/** Those words in lots, of at most so many characters each with a comma between them, unless one alone is longer. */
export function lotsOf(words: readonly string[], characters: number): string[][] {
  const lots: string[][] = []
  let length = Infinity
  for (const word of words) {
    if (length + word.length >= characters) {
      lots.push([])
      length = 0
    }
    lots.at(-1)?.push(word)
    length += word.length + 1
  }
  return lots
}

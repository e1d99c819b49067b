// finding.ts: which items a transaction takes, locked.
//
// What was locked and not taken would be skipped by whoever takes meanwhile, and so come behind younger items. So the
// SELECT is the last thing asked, and the sums before it fail where they are not as this handle knows them: because
// something is due, or something older became ready. Then all is rolled back, and begun again the long way:
//
//      short     sums, as they are known · SELECT … FOR UPDATE SKIP LOCKED           one trip
//      long      sums · what is due · UPDATE of that · SELECT … FOR UPDATE SKIP LOCKED

import type { Draft } from './draft.ts'
import type { Result } from './driver.ts'
import type { Behind, Fronts, Known } from './fronts.ts'
import { COLUMNS, LENGTH, type Row, rowOf } from './rows.ts'
import { DELAYED, READY, TIMED } from './schema.ts'
import { givingBack } from './settle.ts'
import { failsWhere, NOW, withIds } from './statements.ts'
import { isOutdated } from './steps.ts'

const DUE_LIMIT = 1000
/** Of a statement's LIMIT. */
const MOST = 2 ** 53
/** Ids that are read before they are locked: some may be somebody else's by then. */
const SKIM = { least: 16, most: 5000 }

export interface Wanted {
  readonly known: Known
  /** Payloads, or their lengths alone. */
  readonly payload: boolean
}

export class Finding {
  readonly #fronts: Fronts
  readonly #draft: Draft
  readonly #columns: string
  #isTimed: boolean
  #behind: Behind | undefined
  /** The sum as this transaction read it, before it took anything. */
  #returns: number | undefined

  constructor(fronts: Fronts, draft: Draft, { known, payload }: Wanted) {
    this.#fronts = fronts
    this.#draft = draft
    this.#columns = `${COLUMNS}, ${payload ? 'payload' : LENGTH}`
    this.#isTimed = known.isTimed
    this.#behind = known.behind && performance.now() < known.behind.until ? known.behind : undefined
  }

  /** What is known once the transaction is committed. */
  get known(): Known {
    const behind = this.#draft.tally.isReturning ? undefined : this.#behind
    return { isTimed: this.#isTimed, behind }
  }

  /** The first items, what is due among them. */
  async first(n: number): Promise<Row[]> {
    const { opening, tally } = this.#draft
    if (this.#isTimed || this.#fronts.order === 'lifo') await this.resume()
    if (tally.isReturning) this.#behind = undefined
    const rows = await this.#look(n)
    if (rows !== undefined) {
      if (this.#behind !== undefined && rows.length < n) await this.#addOthers(rows, n)
      this.#behind = this.#fronts.behind(rows.at(-1)?.id, this.#returns ?? 0, this.#behind?.until)
      return rows
    }
    this.#behind = undefined
    this.#draft.again(opening)
    return this.first(n)
  }

  /** Fewer than wanted follow there: the others are wherever they are. Those that are locked are taken, in any case. */
  async #addOthers(rows: Row[], n: number): Promise<void> {
    this.#behind = undefined
    const others = rows.length === 0 ? '' : `AND NOT ${withIds(rows.map(({ id }) => id))}`
    const [found] = await this.#draft.ask(this.#select(this.#fronts.ready(others), n - rows.length))
    rows.push(...rowsOf(found))
    rows.sort((one, other) => one.id - other.id)
  }

  /** The first items; undefined where something is not as it was known. */
  async #look(n: number): Promise<Row[] | undefined> {
    if (this.#fronts.order === 'lifo') return this.#skim(n)
    const behind = this.#behind
    const select = this.#select(behind === undefined ? this.#fronts.ready() : this.#fronts.ahead(behind, n), n)
    if (this.#returns !== undefined) return rowsOf((await this.#draft.ask(select))[0])
    const isOther = behind === undefined ? '' : ` OR SUM(returns) <> ${behind.returns} OR SUM(ready) < ${n}`
    const expected = this.#sums(failsWhere(`SUM(waiting) + SUM(timed) > 0${isOther}`))
    try {
      const [sums, found] = await this.#draft.ask(expected, select)
      this.#returns = Number(sums?.rows[0]?.[0])
      return rowsOf(found)
    } catch (error) {
      if (!isOutdated(error)) throw error
      this.#isTimed = behind === undefined
      return undefined
    }
  }

  /** That one, if it is ready, and none of those others. */
  async one(id: number, others: string): Promise<Row[]> {
    const where = `WHERE queue = ${this.#fronts.queue} AND id = ${id} AND status = ${READY} ${others}`
    const [read] = await this.#draft.ask(this.#select(`FROM spoolq_items FORCE INDEX (PRIMARY) ${where}`, 1))
    return rowsOf(read)
  }

  /** The next one behind that id, by age, and behind the last the first again. */
  async next(after: number, others: string): Promise<Row[]> {
    const rows = await this.#skim(1, after, others)
    return rows.length > 0 ? rows : this.#skim(1, undefined, others)
  }

  /** The next ready items by their ids, `after` one of them or from the first on; in a 'lifo' queue downwards. */
  async #skim(n: number, after?: number, others = ''): Promise<Row[]> {
    const [sign, way] = this.#fronts.order === 'lifo' ? (['<', 'down'] as const) : (['>', 'up'] as const)
    const rows: Row[] = []
    for (let last = after; rows.length < n; ) {
      const most = Math.min(Math.max(n - rows.length, SKIM.least), SKIM.most)
      const which = `${last === undefined ? '' : `AND id ${sign} ${last}`} ${others}`
      const [read] = await this.#draft.ask(`SELECT id ${this.#fronts.byId(READY, which, way)} LIMIT ${most}`)
      const ids = idsOf(read)
      last = ids.at(-1)
      if (last === undefined) break
      const [found] = await this.#draft.ask(this.#select(this.#fronts.these(ids), n - rows.length))
      rows.push(...rowsOf(found))
      if (ids.length < most) break
    }
    return rows
  }

  #select(from: string, n: number): string {
    return `SELECT ${this.#columns} ${from} LIMIT ${Math.min(n, MOST)} FOR UPDATE SKIP LOCKED`
  }

  #sums(other: string): string {
    return `SELECT SUM(returns), ${other} FROM spoolq_tallies WHERE queue = ${this.#fronts.queue}`
  }

  /** What is due is ready from here on. */
  async resume(): Promise<void> {
    const sums = this.#sums('SUM(waiting) + SUM(timed)')
    const [read, delayed, late] = await this.#draft.ask(sums, this.#due(DELAYED), this.#due(TIMED))
    const [returns = 0, timed = 0] = (read?.rows[0] ?? []).map(Number)
    this.#returns = returns
    this.#isTimed = timed > 0
    if (this.#behind?.returns !== returns) this.#behind = undefined
    await this.#resumed(idsOf(delayed), DELAYED)
    await this.#resumed(idsOf(late), TIMED)
  }

  #due(status: number): string {
    return `SELECT id FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.#fronts.queue} AND ${isDue(status)} LIMIT ${DUE_LIMIT}`
  }

  /** What was due, and still is, is ready. */
  async #resumed(ids: readonly number[], from: number): Promise<void> {
    if (ids.length === 0) return
    const where = `queue = ${this.#fronts.queue} AND id IN (${ids.join()}) AND ${isDue(from)}`
    const back = givingBack(undefined, true)
    const count = await this.#draft.change(`UPDATE spoolq_items FORCE INDEX (PRIMARY) SET ${back} WHERE ${where}`)
    this.#draft.tally.move(count, 0, { from, to: READY })
  }
}

function isDue(status: number): string {
  return `status = ${status} AND place <= ${NOW}`
}

function rowsOf(result: Result | undefined): Row[] {
  return (result?.rows ?? []).map(rowOf)
}

function idsOf(result: Result | undefined): number[] {
  return (result?.rows ?? []).map(([id]) => Number(id))
}

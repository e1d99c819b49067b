// finding.ts: which items a transaction takes, locked.
//
// What was locked and not taken would be skipped by whoever takes meanwhile, and so come behind younger items. So the
// SELECT is the last thing asked, and the sums before it fail where they are not as this handle knows them: because
// something is due, or something older became ready. Then all is rolled back, and begun again the long way:
//
//      short     sums, as they are known · SELECT … FOR UPDATE SKIP LOCKED           one trip
//      long      sums · what is due · UPDATE of that · SELECT … FOR UPDATE SKIP LOCKED

import { elapsed } from '../wait/timers.ts'
import type { Draft } from './draft.ts'
import type { Result } from './driver.ts'
import type { Behind, Fronts, Known } from './fronts.ts'
import { LENGTH, type Row, rowOf } from './rows.ts'
import { DELAYED, READY, TIMED } from './schema.ts'
import { givingBack } from './settle.ts'
import { failsWhere, listsOf, NOW, oneByOne } from './statements.ts'
import { isOutdated } from './steps.ts'

const DUE_LIMIT = 1000
const IS_LATE = `<= ${NOW}`
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
  #ready = 0

  constructor(fronts: Fronts, draft: Draft, { known, payload }: Wanted) {
    this.#fronts = fronts
    this.#draft = draft
    this.#columns = `${fronts.columns}, ${payload ? 'payload' : LENGTH}`
    this.#isTimed = known.isTimed
    this.#behind = known.behind && elapsed() < known.behind.until ? known.behind : undefined
  }

  /** What is known once the transaction is committed. */
  get known(): Known {
    const behind = this.#draft.tally.isReturning ? undefined : this.#behind
    return { isTimed: this.#isTimed, behind }
  }

  /** The first items, what is due among them. */
  async first(n: number): Promise<readonly Row[]> {
    const { opening, tally } = this.#draft
    if (this.#isTimed) await this.resume()
    if (tally.isReturning) this.#behind = undefined
    const rows = await this.#look(n)
    if (rows !== undefined) {
      const those = rows.length < Math.min(n, this.#ready + tally.of(READY)) ? await this.#addOthers(rows, n) : rows
      this.#behind = this.#fronts.behind(those.at(-1)?.id, this.#returns ?? 0, this.#behind?.until)
      return those
    }
    this.#behind = undefined
    this.#draft.again(opening)
    return this.first(n)
  }

  /** Fewer came than there are: some are wherever they are, and of some somebody else may be about to take them. */
  async #addOthers(few: readonly Row[], n: number): Promise<readonly Row[]> {
    this.#behind = undefined
    const rows = [...few]
    const tried = new Set(few.map(({ id }) => id))
    while (rows.length < n) {
      const most = Math.min(n - rows.length, SKIM.most)
      const [read] = await this.#draft.ask(`SELECT id ${this.#fronts.ready()} LIMIT ${tried.size + most}`)
      const ids = idsOf(read).filter((id) => !tried.has(id))
      if (ids.length === 0) break
      const next = ids.slice(0, most)
      for (const id of next) tried.add(id)
      rows.push(...(await this.#lock(next, most)))
    }
    return this.#fronts.sorted(rows)
  }

  /** Up to `n` of those that are still ready, locked. */
  async #lock(ids: readonly number[], n: number): Promise<Row[]> {
    const rows: Row[] = []
    for (const list of listsOf(ids)) {
      if (rows.length === n) break
      const [found] = await this.#draft.ask(this.#select(this.#fronts.these(list), n - rows.length))
      rows.push(...rowsOf(found))
    }
    return rows
  }

  /** The first items; undefined where something is not as it was known. */
  async #look(n: number): Promise<readonly Row[] | undefined> {
    const behind = this.#behind
    const most = Math.min(n, MOST)
    const select = this.#select(behind === undefined ? this.#fronts.first(most) : this.#fronts.ahead(behind, n), most)
    if (this.#returns !== undefined) return this.#fronts.sorted(rowsOf((await this.#draft.ask(select))[0]))
    const isOther = behind === undefined ? '' : ` OR SUM(returns) <> ${behind.returns} OR SUM(ready) < ${n}`
    const expected = this.#sums(failsWhere(`SUM(waiting) + SUM(timed) > 0${isOther}`))
    try {
      const [sums, found] = await this.#draft.ask(expected, select)
      this.#learn(sums)
      return this.#fronts.sorted(rowsOf(found))
    } catch (error) {
      if (!isOutdated(error)) throw error
      this.#isTimed = behind === undefined
      return undefined
    }
  }

  /** That one, if it is ready. */
  async one(id: number): Promise<Row[]> {
    const where = `WHERE queue = ${this.#fronts.queue} AND id = ${id} AND status = ${READY}`
    const [read] = await this.#draft.ask(this.#select(`FROM spoolq_items FORCE INDEX (PRIMARY) ${where}`, 1))
    return rowsOf(read)
  }

  /** The next one behind that id, by age, and behind the last the first again. */
  async next(after: number): Promise<Row[]> {
    const rows = await this.#skim(1, after)
    return rows.length > 0 ? rows : this.#skim(1)
  }

  /** The next ready items by their ids, `after` one of them or from the first on; in a 'lifo' queue downwards. */
  async #skim(n: number, after?: number): Promise<Row[]> {
    const [sign, way] = this.#fronts.order === 'lifo' ? (['<', 'down'] as const) : (['>', 'up'] as const)
    const rows: Row[] = []
    for (let last = after; rows.length < n; ) {
      const most = Math.min(Math.max(n - rows.length, SKIM.least), SKIM.most)
      const which = last === undefined ? '' : `AND id ${sign} ${last}`
      const [read] = await this.#draft.ask(`SELECT id ${this.#fronts.byId(READY, which, way)} LIMIT ${most}`)
      const ids = idsOf(read)
      last = ids.at(-1)
      if (last === undefined) break
      rows.push(...(await this.#lock(ids, n - rows.length)))
      if (ids.length < most) break
    }
    return rows
  }

  #select(from: string, n: number): string {
    return `SELECT ${this.#columns} ${from} LIMIT ${Math.min(n, MOST)} FOR UPDATE SKIP LOCKED`
  }

  #sums(other: string): string {
    return `SELECT SUM(returns), SUM(ready), ${other} FROM spoolq_tallies WHERE queue = ${this.#fronts.queue}`
  }

  /** From sums; returns the last one. */
  #learn(sums: Result | undefined): number {
    const [returns = 0, ready = 0, other = 0] = (sums?.rows[0] ?? []).map(Number)
    this.#returns = returns
    this.#ready = ready
    return other
  }

  /** What is due is ready from here on. */
  async resume(): Promise<void> {
    const sums = this.#sums('SUM(waiting) + SUM(timed)')
    const [read, delayed, owners] = await this.#draft.ask(sums, this.#due(DELAYED, 0), this.#fronts.holdersOf(IS_LATE))
    this.#isTimed = this.#learn(read) > 0
    if (this.#behind?.returns !== this.#returns) this.#behind = undefined
    await this.#resumed(idsOf(delayed), DELAYED)
    for (const owner of idsOf(owners)) {
      const [late] = await this.#draft.ask(this.#due(TIMED, owner))
      await this.#resumed(idsOf(late), TIMED)
    }
  }

  #due(status: number, owner: number): string {
    return `SELECT id FROM spoolq_items FORCE INDEX (spoolq_front)
      WHERE queue = ${this.#fronts.queue} AND owner = ${owner} AND ${isDue(status)} ORDER BY place, id LIMIT ${DUE_LIMIT}`
  }

  /** What was due, and still is, is ready. */
  async #resumed(ids: readonly number[], from: number): Promise<void> {
    const back = givingBack(undefined, true)
    for (const list of listsOf(ids)) {
      const where = `queue = ${this.#fronts.queue} AND ${oneByOne(list)} AND ${isDue(from)}`
      const count = await this.#draft.change(`UPDATE spoolq_items FORCE INDEX (PRIMARY) SET ${back} WHERE ${where}`)
      this.#draft.tally.move(count, 0, { from, to: READY })
    }
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

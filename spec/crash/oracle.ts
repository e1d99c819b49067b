// oracle.ts: the promises of contract section 9, written once, as a judgement over what was promised and what is found.
//
//   put done       every item there under the id that was told, unless taken or acknowledged       (1 no loss)
//   put under way  all of it or nothing, behind what was done before it was asked for              (2 no phantom)
//   found          ids rise, no item twice, nothing that was never put                             (3 order)
//   gone           what was taken or acknowledged does not come back
//   under way      of a take: the front, without a hole; of a settlement: any of its ids
//
// `safe` promises hold against a power cut; the others hold where only the process died, and after a power cut a batch
// that was not safe is there whole or not at all, and what was taken may come back.

import type { Promised, Put } from './promises.ts'

export interface Found {
  readonly id: number
  readonly item: string
}

/** What can be seen of a queue. */
export interface Sight {
  /** What is delivered, in this order. */
  readonly found: readonly Found[]
  /** What else is there, and not to be delivered now: failed, delayed. Default: nothing. */
  readonly aside?: readonly Found[]
}

/** What may be wrong with the disk, and so with what is found. Default: nothing is. */
export interface Excuse {
  /** The power failed, not just the process. */
  readonly cut?: boolean
  /** Damaged bytes held these ids. */
  readonly mayMiss?: ReadonlySet<number>
  /** Damaged bytes told what had been settled. */
  readonly mayRepeat?: boolean
}

export interface Verdict {
  /** What is wrong; nothing where all is well. */
  readonly wrong: readonly string[]
  /** Ids that are missing, and may be. */
  readonly missing: readonly number[]
  /** Ids that were settled and are there again, and may be. */
  readonly repeated: readonly number[]
}

export function judge(sight: Sight, promised: Promised, excuse: Excuse = {}): Verdict {
  const { violations, missing, repeated } = new Judgement(sight, promised, excuse)
  return { wrong: violations, missing, repeated }
}

class Judgement {
  readonly violations: string[] = []
  readonly missing: number[] = []
  readonly repeated: number[] = []
  readonly #sight: Sight
  readonly #promised: Promised
  readonly #excuse: Excuse
  readonly #cut: boolean
  /** Where each item was found. */
  readonly #ids = new Map<string, number>()
  /** How many items the takes under way may remove, and which those are: the first that nobody holds. */
  readonly #takers: number
  /** How many of them others may hold, or not. */
  readonly #slack: number
  readonly #front: readonly number[]
  /** What settlements under way may remove. */
  readonly #settling: ReadonlySet<number>

  constructor(sight: Sight, promised: Promised, excuse: Excuse) {
    this.#sight = sight
    this.#promised = promised
    this.#excuse = excuse
    this.#cut = excuse.cut ?? false
    const going = [...promised.going.values()]
    this.#takers = going.reduce((sum, { n }) => sum + n, 0)
    this.#slack = promised.orphans.size + [...promised.leasing.values()].reduce((sum, n) => sum + n, 0)
    this.#front = waiting(promised).slice(0, this.#takers + this.#slack)
    this.#settling = new Set(going.flatMap(({ ids }) => [...ids]))
    this.#order()
    this.#origins()
    this.#puts()
    this.#takes()
  }

  #puts(): void {
    const ends: number[] = []
    for (const [call, put] of this.#promised.puts) {
      if (put.state === 'failed') this.#failed(call, put)
      else if (put.state !== 'done') this.#underWay(call, put, Math.max(0, ...ends.slice(0, put.after)))
      else {
        this.#done(call, put)
        ends.push(put.firstId + put.items.length - 1)
      }
    }
  }

  #order(): void {
    let last = 0
    for (const { id } of this.#sight.found) {
      if (id <= last) this.#say(`id ${id} stands behind id ${last}`)
      last = id
    }
    for (const { id, item } of this.#present()) {
      const other = this.#ids.get(item)
      if (other !== undefined && !this.#promised.moving.has(Math.min(other, id)))
        this.#say(`item ${short(item)} is there twice, as ${other} and ${id}`)
      this.#ids.set(item, id)
    }
  }

  #origins(): void {
    const known = new Set<string>()
    for (const put of this.#promised.puts.values()) for (const item of put.items) known.add(item)
    for (const { id, item } of this.#present()) {
      if (!known.has(item)) this.#say(`phantom: ${id} is ${short(item)}, which was never put`)
    }
  }

  #done(call: number, put: Put): void {
    const isBound = put.safe || !this.#cut
    const there = put.items.some((item) => this.#ids.has(item))
    put.items.forEach((item, i) => {
      const id = this.#promised.idOf(put.firstId + i)
      const found = this.#ids.get(item)
      const settled = this.#promised.gone.get(id)
      if (found !== undefined && found !== id && !(found > id && this.#promised.moving.has(id)))
        this.#say(`item ${short(item)} was told id ${id} and is there as ${found}`)
      if (found !== undefined && (settled === true || (settled === false && !this.#cut))) this.#again(id)
      if (found !== undefined || settled !== undefined || this.#mayGo(id)) return
      if (this.#excuse.mayMiss?.has(id)) this.missing.push(id)
      else if (isBound) this.#say(`lost: id ${id} (${short(item)}) of put ${call}, which had resolved`)
      else if (there) this.#say(`torn: id ${id} of put ${call} is missing, other items of its batch are there`)
    })
  }

  #failed(call: number, put: Put): void {
    for (const item of put.items)
      if (this.#ids.has(item)) this.#say(`phantom: ${short(item)} of put ${call}, which was rejected`)
  }

  #underWay(call: number, put: Put, told: number): void {
    const ids = put.items.map((item) => this.#ids.get(item))
    const start = (ids.find((id) => id !== undefined) ?? 0) - ids.findIndex((id) => id !== undefined)
    const there = ids.filter((id) => id !== undefined).length
    if (there === 0) return
    const missing = ids.filter((id, i) => id === undefined && !this.#promised.gone.has(start + i)).length
    if (missing > 0 && this.#takers === 0)
      this.#say(`torn: ${there} of ${ids.length} items of put ${call}, never resolved`)
    if (ids.some((id, i) => id !== undefined && id !== start + i))
      this.#say(`the ids of put ${call} are not in a row: ${ids}`)
    if (start <= told) this.#say(`put ${call} got id ${start}, but ${told} had been told before it was asked for`)
  }

  /** What a take under way has removed is the front of what was there, without a hole. */
  #takes(): void {
    const present = new Set(this.#present().map(({ id }) => id))
    const kept: number[] = []
    const taken: number[] = []
    for (const id of this.#front) {
      if (this.#settling.has(id)) continue
      if (present.has(id)) kept.push(id)
      else if (this.#isSafe(id)) taken.push(id)
      if (taken.at(-1) === id && kept.length > this.#slack) this.#say(`hole: ${id} was taken before ${kept}`)
    }
    if (taken.length > this.#takers) this.#say(`lost: ${taken} are gone, though only ${this.#takers} were to be taken`)
  }

  /** False where a power cut may have removed it. */
  #isSafe(id: number): boolean {
    if (!this.#cut) return true
    for (const { safe, firstId, items } of this.#promised.puts.values()) {
      if (id >= firstId && id < firstId + items.length) return safe
    }
    return false
  }

  #present(): readonly Found[] {
    return [...this.#sight.found, ...(this.#sight.aside ?? [])]
  }

  #again(id: number): void {
    if (this.#excuse.mayRepeat) this.repeated.push(id)
    else this.#say(`id ${id} came back after it was settled`)
  }

  #mayGo(id: number): boolean {
    return this.#settling.has(id) || this.#front.includes(id)
  }

  #say(violation: string): void {
    this.violations.push(violation)
  }
}

/** The start of an item: the rest of a long one is padding. */
function short(item: string): string {
  return item.length > 24 ? `${item.slice(0, 24)}… (${item.length})` : item
}

/** The ids told that are neither settled nor held, in order. */
function waiting(promised: Promised): number[] {
  const { puts, gone, held } = promised
  const ids: number[] = []
  for (const put of puts.values()) {
    if (put.state === 'done') ids.push(...put.items.map((_, i) => promised.idOf(put.firstId + i)))
  }
  return ids.filter((id) => !gone.has(id) && !held.has(id)).sort((a, b) => a - b)
}

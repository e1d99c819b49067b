// promises.ts: what a program asked of a queue and what it was told, in the order it happened. A workload marks these
// on the recording disk, so that at any point of its log it is known what has been promised by then.
//
//      put ──▶ put done (first id)        take ──▶ take done (ids)        settle ──▶ settle done
//          └─▶ put failed                      └─▶ take failed                   └─▶ settle failed
//
//   hold: ids leased, not to be touched by a take; back: held no longer. Where several processes use one queue:
//   orphan: somebody else may take them from now on, or find them held still (their holder is dying, or giving back).
//   durable: a flush or close resolved; what was done before its call is on the medium, whatever the durability.

export type Mark =
  | { readonly what: 'put'; readonly call: number; readonly items: readonly string[] }
  | { readonly what: 'put done'; readonly call: number; readonly firstId: number }
  /** `known`: certainly not in the queue; otherwise (a failed sync) it may be. */
  | { readonly what: 'put failed'; readonly call: number; readonly known: boolean }
  | { readonly what: 'take'; readonly call: number; readonly n: number }
  | { readonly what: 'take done'; readonly call: number; readonly ids: readonly number[] }
  | { readonly what: 'take failed'; readonly call: number }
  | { readonly what: 'hold'; readonly call: number; readonly ids: readonly number[] }
  | { readonly what: 'orphan'; readonly ids: readonly number[] }
  | { readonly what: 'back'; readonly ids: readonly number[] }
  /** `leasing`: up to so many others are going to be held with it. */
  | { readonly what: 'settle'; readonly call: number; readonly ids: readonly number[]; readonly leasing?: number }
  | { readonly what: 'settle done'; readonly call: number; readonly relaxed?: boolean }
  | { readonly what: 'settle failed'; readonly call: number }
  /** Items of which each gets another id: until `moved` tells it, they may stand under either, or both. */
  | { readonly what: 'move'; readonly call: number; readonly ids: readonly number[] }
  | { readonly what: 'moved'; readonly call: number; readonly ids: readonly number[]; readonly to: readonly number[] }
  | { readonly what: 'durable' }

/** One batch as far as is known. */
export interface Put {
  readonly items: readonly string[]
  state: 'started' | 'done' | 'failed' | 'unknown'
  firstId: number
  /** Resolved, and on the medium whatever happens. */
  safe: boolean
  /** How many batches had been resolved when this one was asked for: those have smaller ids. */
  readonly after: number
}

interface Settling {
  readonly ids: readonly number[]
  readonly n: number
}

/** A history up to some point, folded. */
export class Promised {
  readonly puts = new Map<number, Put>()
  /** Ids that nobody may see again, whether that is safe against a power cut. */
  readonly gone = new Map<number, boolean>()
  /** Settlements under way, or of unknown end. */
  readonly going = new Map<number, Settling>()
  readonly held = new Set<number>()
  readonly orphans = new Set<number>()
  /** How many items leases under way may hold. */
  readonly leasing = new Map<number, number>()
  /** Ids on the move. */
  readonly moving = new Set<number>()
  readonly #disk: boolean
  readonly #moved = new Map<number, number>()
  #done = 0

  /** `disk`: what resolves is on the medium; otherwise only what a later `durable` covers. */
  constructor(marks: readonly Mark[], disk: boolean) {
    this.#disk = disk
    for (const mark of marks) this.#fold(mark)
  }

  /** The id that an item has by now that was put under that one. */
  idOf(id: number): number {
    const to = this.#moved.get(id)
    return to === undefined ? id : this.idOf(to)
  }

  /** The highest id that the program was told. */
  get lastId(): number {
    let last = Math.max(0, ...this.#moved.values())
    for (const put of this.puts.values()) {
      if (put.state === 'done') last = Math.max(last, put.firstId + put.items.length - 1)
    }
    return last
  }

  #fold(mark: Mark): void {
    switch (mark.what) {
      case 'put':
        this.puts.set(mark.call, { items: mark.items, state: 'started', firstId: 0, safe: false, after: this.#done })
        return
      case 'put done':
        this.#done++
        Object.assign(this.#put(mark.call), { state: 'done', firstId: mark.firstId, safe: this.#disk })
        return
      case 'put failed':
        this.#put(mark.call).state = mark.known ? 'failed' : 'unknown'
        return
      case 'hold':
        this.leasing.delete(mark.call)
        for (const id of mark.ids) {
          this.held.add(id)
          this.orphans.delete(id)
        }
        return
      case 'orphan':
        for (const id of mark.ids) if (this.held.delete(id)) this.orphans.add(id)
        return
      case 'back':
        for (const id of mark.ids) {
          this.held.delete(id)
          this.orphans.delete(id)
        }
        return
      case 'durable':
        for (const put of this.puts.values()) if (put.state === 'done') put.safe = true
        for (const id of this.gone.keys()) this.gone.set(id, true)
        return
      case 'move':
      case 'moved':
        this.#foldMove(mark)
        return
      default:
        this.#foldSettlement(mark)
    }
  }

  #foldMove(mark: Mark & { readonly what: 'move' | 'moved' }): void {
    for (const [i, id] of mark.ids.entries()) {
      if (mark.what === 'move') this.moving.add(id)
      else this.#moved.set(id, mark.to[i] ?? 0)
      if (mark.what === 'move') continue
      this.moving.delete(id)
      this.held.delete(id)
    }
  }

  #foldSettlement(mark: Mark & { readonly call: number }): void {
    if (mark.what === 'take') this.going.set(mark.call, { ids: [], n: mark.n })
    if (mark.what === 'settle') {
      this.going.set(mark.call, { ids: mark.ids, n: 0 })
      if (mark.leasing) this.leasing.set(mark.call, mark.leasing)
    }
    if (mark.what === 'take done') this.#settled(mark.call, mark.ids, this.#disk)
    if (mark.what === 'settle done') {
      this.#settled(mark.call, this.going.get(mark.call)?.ids ?? [], this.#disk && mark.relaxed !== true)
    }
  }

  #settled(call: number, ids: readonly number[], safe: boolean): void {
    this.going.delete(call)
    for (const id of ids) {
      this.gone.set(id, safe)
      this.held.delete(id)
      this.orphans.delete(id)
    }
  }

  #put(call: number): Put {
    const put = this.puts.get(call)
    if (!put) throw new Error(`put ${call} ended without having been started`)
    return put
  }
}

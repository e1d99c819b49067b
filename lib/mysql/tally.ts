// tally.ts: what a step changes in the sums of its handle's row.

import { ACKED, DELAYED, FAILED, IN_FLIGHT, READY, TIMED } from './schema.ts'

const COLUMNS: ReadonlyMap<number, string> = new Map([
  [READY, 'ready'],
  [DELAYED, 'waiting'],
  [IN_FLIGHT, 'flying'],
  [TIMED, 'timed'],
  [FAILED, 'failed'],
  [ACKED, 'acked'],
])

export class Tally {
  readonly #byStatus = new Map<number, number>()
  #bytes = 0
  #returns = 0

  /** So many items, which had those bytes in all, came from a status (undefined: they are new) into another. */
  move(count: number, bytes: number, way: { readonly from?: number; readonly to?: number }): void {
    if (count === 0) return
    const { from, to } = way
    if (from !== undefined) this.#byStatus.set(from, this.of(from) - count)
    if (to !== undefined) this.#byStatus.set(to, this.of(to) + count)
    this.#bytes += bytes * (Number(isHeld(to)) - Number(isHeld(from)))
    if (to === READY && from !== undefined && from !== FAILED) this.#returns = 1
  }

  /** What is held has so many more bytes. */
  grow(bytes: number): void {
    this.#bytes += bytes
  }

  /** Something is ready that is older than what was. */
  return(): void {
    this.#returns = 1
  }

  /** Something became ready that is older than what was. */
  get isReturning(): boolean {
    return this.#returns > 0
  }

  /** The assignments of an UPDATE, `changes` among them. */
  get assignments(): string {
    const sum = (column: string, by: number): string => (by === 0 ? '' : `, ${column} = ${column} + ${by}`)
    const sums = [...COLUMNS].map(([status, column]) => sum(column, this.of(status)))
    return `changes = changes + 1${sums.join('')}${sum('bytes', this.#bytes)}${sum('returns', this.#returns)}`
  }

  /** How many more, or fewer, have that status. */
  of(status: number): number {
    return this.#byStatus.get(status) ?? 0
  }
}

function isHeld(status: number | undefined): boolean {
  return status === READY || status === DELAYED || status === IN_FLIGHT || status === TIMED
}

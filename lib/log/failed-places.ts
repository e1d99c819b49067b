// failed-places.ts: where the copies of what is failed stand in failed/, by id; and how many of them each segment holds.

/** Where the copy of a failed item stands in failed/. */
export interface FailedAt {
  readonly segment: number
  readonly offset: number
  readonly attempt: number
}

export class FailedPlaces extends Map<number, FailedAt> {
  readonly #bySegment = new Map<number, number>()

  /** Failed items whose copies a segment of failed/ holds. */
  countIn(segment: number): number {
    return this.#bySegment.get(segment) ?? 0
  }

  override set(id: number, at: FailedAt): this {
    this.#leave(id)
    this.#bySegment.set(at.segment, this.countIn(at.segment) + 1)
    return super.set(id, at)
  }

  override delete(id: number): boolean {
    this.#leave(id)
    return super.delete(id)
  }

  override clear(): void {
    this.#bySegment.clear()
    super.clear()
  }

  #leave(id: number): void {
    const at = this.get(id)
    if (!at) return
    const left = this.countIn(at.segment) - 1
    if (left > 0) this.#bySegment.set(at.segment, left)
    else this.#bySegment.delete(at.segment)
  }
}

// lane.ts: calls that go one after the other, many at once: what was asked for while a run was under way goes into the
// next one, together.

export class Lane<C> {
  readonly #run: (calls: readonly C[]) => Promise<void>
  readonly #limit: (call: C) => number
  #waiting: C[] = []
  #running: Promise<void> | undefined

  /** `run` settles all its calls and never rejects; `limit` is a call's share of a run, which holds up to 1. */
  constructor(run: (calls: readonly C[]) => Promise<void>, limit: (call: C) => number) {
    this.#run = run
    this.#limit = limit
  }

  add(call: C): void {
    this.#waiting.push(call)
    this.#running ??= this.#runAll()
  }

  async idle(): Promise<void> {
    await this.#running
  }

  async #runAll(): Promise<void> {
    // Calls of one turn go together.
    await undefined
    while (this.#waiting.length > 0) await this.#run(this.#next())
    this.#running = undefined
  }

  /** At least one. */
  #next(): C[] {
    let share = 0
    let count = 0
    for (const call of this.#waiting) {
      share += this.#limit(call)
      if (count > 0 && share > 1) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }
}

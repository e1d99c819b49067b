// gate.ts: one run at a time of something slow that covers all that was asked for before it began (a sync).
// Whoever asks while one is under way waits for the next one, together with all the others.

export class Gate {
  readonly #run: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(run: () => Promise<void>) {
    this.#run = run
  }

  /** Resolves when a run that began after this call has ended; rejects as it did. */
  pass(): Promise<void> {
    // Between the end of one run and the next, which somebody waits for, nobody begins one beside it.
    if (this.#next) return this.#next
    if (!this.#running) return this.#begin()
    this.#next = this.#running.then(this.#again, this.#again)
    return this.#next
  }

  get isIdle(): boolean {
    return this.#running === undefined && this.#next === undefined
  }

  /** Resolves when nothing is under way any more; never rejects. */
  async idle(): Promise<void> {
    for (let last = this.#last; last; last = this.#last) await last.catch(ignore)
  }

  get #last(): Promise<void> | undefined {
    return this.#next ?? this.#running
  }

  #begin(): Promise<void> {
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  readonly #again = (): Promise<void> => {
    this.#next = undefined
    return this.#begin()
  }
}

function ignore(): void {}

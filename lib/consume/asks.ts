// asks.ts: calls that are answered one at a time, in the order in which they came.

interface Ask<R> {
  readonly until: number
  readonly resolve: (answer: R) => void
  readonly reject: (error: unknown) => void
}

export class Asks<R> {
  readonly #answer: (until: number) => Promise<R>
  readonly #waiting: Ask<R>[] = []
  #answering: Promise<void> = Promise.resolve()

  constructor(answer: (until: number) => Promise<R>) {
    this.#answer = answer
  }

  get length(): number {
    return this.#waiting.length
  }

  /** `until` is for the answer to heed. */
  add(until: number): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ until, resolve, reject })
      if (this.#waiting.length === 1) this.#answering = this.#answerAll()
    })
  }

  /** Resolves when every call has its answer. */
  answered(): Promise<void> {
    return this.#answering
  }

  async #answerAll(): Promise<void> {
    for (let ask = this.#waiting[0]; ask !== undefined; ask = this.#waiting[0]) {
      try {
        const answer = await this.#answer(ask.until)
        this.#waiting.shift()
        ask.resolve(answer)
      } catch (error) {
        this.#waiting.shift()
        ask.reject(error)
      }
    }
  }
}

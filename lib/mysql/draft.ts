// draft.ts: a transaction while it is written: statements that are gathered, and sent with the next one that is asked.

import type { Result } from './driver.ts'
import type { Plan, Step } from './steps.ts'
import { Tally } from './tally.ts'

export class Draft {
  readonly tally = new Tally()
  readonly #step: Step
  /** What is not sent yet. */
  #writes: string[] = ['BEGIN']
  #state: 'looking' | 'changing' = 'looking'

  constructor(step: Step) {
    this.#step = step
  }

  get owner(): number {
    return this.#step.owner
  }

  /** Written with the next trip. */
  write(...statements: readonly string[]): void {
    if (statements.length > 0) this.#state = 'changing'
    for (const statement of statements) this.#writes.push(statement)
  }

  /** Sends what was written, and then those; resolves to what those came to. */
  async ask(...statements: readonly string[]): Promise<readonly Result[]> {
    const writes = this.#writes.splice(0)
    const results = await this.#step.link.ask([...writes, ...statements])
    return results.slice(writes.length)
  }

  /** As `ask`, of a statement that changes something; resolves to how many rows that were. */
  async change(statement: string): Promise<number> {
    this.#state = 'changing'
    const [done] = await this.ask(statement)
    return done?.affected ?? 0
  }

  /** What is not sent yet. */
  get opening(): readonly string[] {
    return [...this.#writes]
  }

  /** All that was sent is undone, and that is to be sent again. */
  again(opening: readonly string[]): void {
    this.#writes = ['ROLLBACK', ...opening]
  }

  /** The rest of it; nothing, where nothing is changed. */
  plan<R>(result: R): Plan<R> {
    const statements = this.#state === 'changing' ? this.#writes : undefined
    return { statements, tally: this.tally, result: () => result }
  }
}

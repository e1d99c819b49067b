// state.ts: what a FIFO queue and one handle of it hold, as plainly as it can be said, and what each call does to that.

export interface Item {
  readonly id: number
  readonly text: string
  readonly attempt: number
}

export type Counts = Record<'ready' | 'delayed' | 'inFlight' | 'failed', number>

/** What a call came to: what it resolved to, or the code of its error. */
export type Told = string

export const CLOSED = 'ERR_QUEUE_CLOSED'
export const SETTLED = 'ERR_QUEUE_SETTLED'
export const EMPTY = 'ERR_QUEUE_EMPTY'
export const ABORTED = 'aborted'
export const OK = 'undefined'

export class State {
  ready: readonly Item[] = []
  delayed: readonly Item[] = []
  held: readonly Item[] = []
  failed: readonly Item[] = []
  nextId = 1
  isClosed = false

  copy(): State {
    return Object.assign(new State(), this)
  }

  put(text: string, where: 'ready' | 'delayed' = 'ready', attempt = 0): number {
    const id = this.nextId
    this.nextId += 1
    this[where] = [...this[where], { id, text, attempt }]
    return id
  }

  /** Up to `n` from the front, which go. */
  take(n: number): readonly Item[] {
    const taken = this.ready.slice(0, n)
    this.ready = this.ready.slice(taken.length)
    return taken
  }

  lease(n: number): readonly Item[] {
    return this.#hold(this.take(n))
  }

  leaseOne(item: Item | undefined): readonly Item[] {
    if (item === undefined) return []
    this.ready = without(this.ready, item)
    return this.#hold([item])
  }

  /** What a delivery was of goes from what is held, if it is still there with as many attempts. */
  letGo({ id, attempt }: Item): Item | undefined {
    const item = this.held.find((one) => one.id === id && one.attempt === attempt)
    if (item !== undefined) this.held = without(this.held, item)
    return item
  }

  back(item: Item): void {
    this.ready = [...this.ready, item].sort((one, other) => one.id - other.id)
  }

  retry(): number {
    const { failed } = this
    this.failed = []
    for (const { text } of failed) this.put(text)
    return failed.length
  }

  update(id: number, text: string): boolean {
    let isThere = false
    const changed = (items: readonly Item[]): readonly Item[] => {
      return items.map((item) => {
        if (item.id !== id) return item
        isThere = true
        return { ...item, text }
      })
    }
    for (const where of ['ready', 'delayed', 'held', 'failed'] as const) this[where] = changed(this[where])
    return isThere
  }

  close(): void {
    const { held } = this
    this.held = []
    for (const item of held) this.back(item)
    this.isClosed = true
  }

  get counts(): Counts {
    const { ready, delayed, held, failed } = this
    return { ready: ready.length, delayed: delayed.length, inFlight: held.length, failed: failed.length }
  }

  #hold(items: readonly Item[]): readonly Item[] {
    const held = items.map((item) => ({ ...item, attempt: item.attempt + 1 }))
    this.held = [...this.held, ...held]
    return held
  }
}

function without(items: readonly Item[], item: Item): readonly Item[] {
  return items.filter((one) => one !== item)
}

export function shown(items: readonly Item[]): string {
  return items.map(({ id, text, attempt }) => `${id}:${text}:${attempt}`).join(' ')
}

export function textsOf(items: readonly { readonly text: string }[]): string {
  return items.map(({ text }) => text).join(' ')
}

export function countsShown({ ready, delayed, inFlight, failed }: Counts): string {
  return `${ready} ${delayed} ${inFlight} ${failed}`
}

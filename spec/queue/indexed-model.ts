// indexed-model.ts: what a queue of any order, unique or not, does, as plainly as it can be said: one array, looked
// through and sorted at each call.

export interface Row {
  id: number
  item: string
  priority: number
  attempt: number
  state: 'ready' | 'inFlight' | 'failed'
}

export type Order = 'fifo' | 'lifo' | 'priority'

export class Model {
  readonly #order: Order
  readonly #isUnique: boolean
  #rows: Row[] = []
  #nextId = 1

  constructor(order: Order, isUnique: boolean) {
    this.#order = order
    this.#isUnique = isUnique
  }

  put(item: string, priority: number): number | undefined {
    if (this.#isUnique && this.#equal(item)) return undefined
    return this.#add(item, priority, 0)
  }

  ready(): Row[] {
    const ready = this.#rows.filter(({ state }) => state === 'ready')
    if (this.#order === 'lifo') return ready.sort((one, other) => other.id - one.id)
    return ready.sort((one, other) => one.priority - other.priority || one.id - other.id)
  }

  pop(n: number): string[] {
    const rows = this.ready().slice(0, n)
    this.#rows = this.#rows.filter((row) => !rows.includes(row))
    return rows.map(({ item }) => item)
  }

  lease(n: number): Row[] {
    return this.ready()
      .slice(0, n)
      .map((row) => hold(row))
  }

  leaseId(id: number): Row | undefined {
    const row = this.#rows.find((one) => one.id === id && one.state === 'ready')
    return row && hold(row)
  }

  leaseAfter(after: number): Row | undefined {
    const byAge = this.#rows.filter(({ state }) => state === 'ready').sort((one, other) => one.id - other.id)
    const isLifo = this.#order === 'lifo'
    if (isLifo) byAge.reverse()
    const row = byAge.find(({ id }) => (isLifo ? id < after : id > after)) ?? byAge[0]
    return row && hold(row)
  }

  ack(id: number): void {
    this.#rows = this.#rows.filter((row) => row.id !== id)
  }

  nack(id: number): void {
    this.#of(id).state = 'ready'
  }

  toBack(id: number): void {
    const row = this.#of(id)
    this.ack(id)
    this.#add(row.item, row.priority, row.attempt)
  }

  fail(id: number): void {
    this.#of(id).state = 'failed'
  }

  retry(): number {
    let count = 0
    for (const row of this.#rows.filter(({ state }) => state === 'failed').sort((one, other) => one.id - other.id)) {
      if (this.#isUnique && this.#equal(row.item)) continue
      this.ack(row.id)
      this.#add(row.item, row.priority, 0)
      count += 1
    }
    return count
  }

  update(id: number, item: string): boolean {
    const row = this.#rows.find((one) => one.id === id)
    if (row === undefined) return false
    if (this.#isUnique && row.state !== 'failed' && this.#equal(item, id)) return false
    row.item = item
    return true
  }

  /** Whoever held something has closed: that is not charged. */
  giveBack(): void {
    for (const row of this.#rows) {
      if (row.state !== 'inFlight') continue
      row.state = 'ready'
      row.attempt -= 1
    }
  }

  counts(): Record<string, number> {
    const count = (state: string): number => this.#rows.filter((row) => row.state === state).length
    return { ready: count('ready'), delayed: 0, inFlight: count('inFlight'), failed: count('failed'), acked: 0 }
  }

  #equal(item: string, but = 0): boolean {
    return this.#rows.some((row) => row.item === item && row.state !== 'failed' && row.id !== but)
  }

  #add(item: string, priority: number, attempt: number): number {
    const id = this.#nextId
    this.#rows.push({ id, item, priority, attempt, state: 'ready' })
    this.#nextId += 1
    return id
  }

  #of(id: number): Row {
    const row = this.#rows.find((one) => one.id === id)
    if (row === undefined) throw new Error(`the model has no ${id}`)
    return row
  }
}

function hold(row: Row): Row {
  row.state = 'inFlight'
  row.attempt += 1
  return row
}

// history.ts: what several callers asked of a queue and were told, each call with its beginning and its end, and whether
// a FIFO queue could have said so.
//
//      caller 1   ├─put a b─┤     ├──pop 2: a──┤              calls that overlap may have happened in either order;
//      caller 2        ├─lease 1: b─┤   ├─give back b─┤       one that ended before another began came first
//
//   puts       ids are given in order, without a hole; of calls one behind the other, and of one handle's, in theirs
//   takes      an item is with one of them at a time; who popped or acknowledged it was the last
//   order      nothing is taken, or seen, before what lay there all the while under a lower id
//   empty      a take or a look that found too few overlooked nothing that lay there all the while
//   counts     no more and no fewer than there can have been
//   in the end what is left is what was put and not taken, in order

export interface Span {
  readonly begun: number
  /** Infinity while it is under way. */
  ended: number
}

export interface Put extends Span {
  readonly handle: object
  readonly texts: readonly string[]
  /** 0 while nobody has been told. */
  firstId: number
  /** Its handle was closed: nothing was put. */
  refused: boolean
}

/** Items in somebody's hands. */
export interface Delivery {
  readonly text: string
  readonly take: Span
  /** When it was popped or acknowledged. */
  gone?: Span
  /** When it was given back, by its taker or by the closing of its handle. */
  back?: Span
  /** Given back, or done with: nobody can tell. */
  isUnsure?: boolean
}

/** `hides`: a loop, which may hold more than it has handed out, for as long as it lasts. */
export interface Look extends Span {
  readonly what: 'pop' | 'lease' | 'peek' | 'loop'
  readonly n: number
  readonly texts: string[]
}

interface Count extends Span {
  readonly count: number
}

export class History {
  readonly puts: Put[] = []
  readonly deliveries: Delivery[] = []
  readonly looks: Look[] = []
  readonly counts: Count[] = []
  #time = 0

  /** The next moment. */
  now(): number {
    return ++this.#time
  }

  begin(): Span {
    return { begun: this.now(), ended: Number.POSITIVE_INFINITY }
  }

  /** Everything that no FIFO queue could have said. `left`: what was there in the end, when all calls had ended. */
  wrong(left: readonly string[]): string[] {
    return new Judgement(this, left).wrong
  }
}

interface Item {
  readonly id: number
  readonly put: Put
  readonly deliveries: Delivery[]
}

class Judgement {
  readonly wrong: string[] = []
  readonly #history: History
  readonly #items = new Map<string, Item>()
  readonly #loops: readonly Look[]

  constructor(history: History, left: readonly string[]) {
    this.#history = history
    this.#loops = history.looks.filter(({ what }) => what === 'loop')
    this.#puts()
    for (const delivery of history.deliveries) this.#delivery(delivery)
    for (const [text, { deliveries }] of this.#items) this.#hands(text, deliveries)
    for (const look of history.looks) this.#look(look)
    for (const count of history.counts) this.#count(count)
    this.#left(left)
  }

  #puts(): void {
    const done = this.#history.puts.filter(({ refused }) => !refused)
    let next = 1
    for (const put of done.toSorted((one, other) => one.firstId - other.firstId)) {
      if (put.firstId !== next) this.#say(`${put.texts[0]} got id ${put.firstId}, not ${next}`)
      next = put.firstId + put.texts.length
      for (const [i, text] of put.texts.entries()) this.#items.set(text, { id: put.firstId + i, put, deliveries: [] })
    }
    for (const one of done) {
      for (const other of done) {
        const isFirst = one.ended < other.begun || (one.handle === other.handle && one.begun < other.begun)
        if (isFirst && one.firstId > other.firstId) this.#say(`${one.texts[0]} was put before ${other.texts[0]}`)
      }
    }
  }

  #delivery(delivery: Delivery): void {
    const item = this.#items.get(delivery.text)
    if (!item || item.put.begun > delivery.take.ended) return this.#say(`${delivery.text} was taken and never put`)
    item.deliveries.push(delivery)
  }

  /** Of any two that had it one must have given it back before the other was told of it. */
  #hands(text: string, deliveries: readonly Delivery[]): void {
    deliveries.forEach((one, i) => {
      for (const other of deliveries.slice(i + 1)) {
        if (!mayPrecede(one, other) && !mayPrecede(other, one)) this.#say(`${text} was in two hands at once`)
      }
    })
  }

  #look(look: Look): void {
    this.#rising(look)
    if (look.what === 'loop') return
    if (look.what === 'peek') for (const text of look.texts) this.#seen(text, look)
    const most = Math.max(0, ...look.texts.map((text) => this.#idOf(text)))
    const last = look.texts.length < look.n ? Number.POSITIVE_INFINITY : most
    for (const [text, item] of this.#items) {
      if (item.id > last || look.texts.includes(text) || !this.#liesThere(item, look)) continue
      this.#say(`${look.what} ${look.n} passed over ${text}, and got ${look.texts.join() || 'nothing'}`)
    }
  }

  /** Only what somebody else had, and gave back, comes behind a higher id. */
  #rising(look: Look): void {
    let highest = 0
    for (const text of look.texts) {
      const id = this.#idOf(text)
      const others = this.#items.get(text)?.deliveries.filter(({ take }) => take !== look) ?? []
      const mayReturn = others.some(({ take }) => take.begun < look.ended) || this.#isHidden(look)
      if (id < highest && !mayReturn) this.#say(`${look.what} got ${look.texts} in this order`)
      highest = Math.max(highest, id)
    }
  }

  /** Another loop may hold more than it tells. */
  #isHidden(span: Span): boolean {
    return this.#loops.some((loop) => loop !== span && overlap(loop, span))
  }

  #idOf(text: string): number {
    return this.#items.get(text)?.id ?? 0
  }

  /** It may have been ready at some moment of the look. */
  #seen(text: string, look: Span): void {
    const item = this.#items.get(text)
    if (!item || item.put.begun > look.ended) return this.#say(`${text} was seen and never put`)
    for (const { take, gone, back } of item.deliveries) {
      const isGone = gone !== undefined && gone.ended < look.begun
      const isHeld = take.ended < look.begun && (back?.begun ?? Number.POSITIVE_INFINITY) > look.ended
      if (isGone || isHeld) this.#say(`${text} was seen while somebody had it`)
    }
  }

  /** It was ready from before the span begins until after it ends. */
  #liesThere({ put, deliveries }: Item, span: Span): boolean {
    if (put.ended > span.begun || this.#isHidden(span)) return false
    return deliveries.every(({ take, back }) => {
      const busy = { begun: take.begun, ended: back?.ended ?? Number.POSITIVE_INFINITY }
      return !overlap(busy, span)
    })
  }

  /** Ready or in flight: those that must have been there, and those that can have been. */
  #count(span: Count): void {
    let [least, most] = [0, 0]
    for (const { put, deliveries } of this.#items.values()) {
      const gone = deliveries.find((delivery) => delivery.gone)?.gone
      const isUnsure = deliveries.some((delivery) => delivery.isUnsure)
      if (put.ended < span.begun && (gone === undefined || gone.begun > span.ended) && !isUnsure) least++
      if (put.begun < span.ended && (gone === undefined || gone.ended > span.begun)) most++
    }
    if (span.count < least || span.count > most) this.#say(`counted ${span.count}, not ${least} to ${most}`)
  }

  #left(left: readonly string[]): void {
    const items = [...this.#items].filter(([, { deliveries }]) => deliveries.every(({ gone }) => !gone))
    const expected = items.sort(([, one], [, other]) => one.id - other.id).map(([text]) => text)
    const sure = expected.filter((text) => left.includes(text) || !this.#isUnsure(text))
    if (left.join() !== sure.join()) this.#say(`left were ${left}, not ${sure}`)
  }

  #isUnsure(text: string): boolean {
    return this.#items.get(text)?.deliveries.some(({ isUnsure }) => isUnsure) === true
  }

  #say(violation: string): void {
    this.wrong.push(violation)
  }
}

function overlap(one: Span, other: Span): boolean {
  return one.begun < other.ended && other.begun < one.ended
}

function mayPrecede(one: Delivery, other: Delivery): boolean {
  return one.back !== undefined && one.gone === undefined && one.back.begun < other.take.ended
}

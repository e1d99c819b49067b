// race.ts: several callers on a few handles of one queue, all at once, each doing one thing after another as chance has
// it; and the history of what they asked and were told.

import { codeOf } from '../../lib/disk/disk.ts'
import { type Delivery, History, type Look, type Span } from './history.ts'
import type { InHand, Racer } from './racers.ts'

export interface RaceOptions {
  readonly handles: number
  readonly callers: number
  readonly commands: number
  readonly random: (limit: number) => number
  readonly open: () => Promise<Racer>
}

/** A place for a handle, which is opened anew when it was closed. */
interface Seat {
  racer: Racer
  /** When this handle was closed. */
  closing: Span | undefined
  /** What this handle handed out. */
  deliveries: Delivery[]
}

interface Lease {
  readonly seat: Seat
  readonly inHand: InHand
  readonly delivery: Delivery
}

/** So often each. */
const ACTIONS = {
  put: 6,
  putMany: 6,
  putBig: 1,
  pop: 8,
  lease: 8,
  ack: 8,
  back: 4,
  peek: 3,
  count: 2,
  loop: 2,
  flush: 2,
  close: 1,
} as const
type Action = keyof typeof ACTIONS
const actions: readonly Action[] = Object.entries(ACTIONS).flatMap(([name, often]) => Array(often).fill(name))

/** Everything that is wrong with one race. */
export async function race(options: RaceOptions): Promise<string[]> {
  const running = new Race(options)
  return running.run()
}

class Race {
  readonly #options: RaceOptions
  readonly #history = new History()
  readonly #seats: Seat[] = []
  #texts = 0
  #left: number

  constructor(options: RaceOptions) {
    this.#options = options
    this.#left = options.commands
  }

  async run(): Promise<string[]> {
    const { handles, callers } = this.#options
    for (let i = 0; i < handles; i++) this.#seats.push(await this.#opened())
    await Promise.all(Array.from({ length: callers }, (_, i) => this.#caller(i % handles)))
    for (const seat of this.#seats) await this.#close(seat)
    const last = await this.#options.open()
    const left = await last.pop(1_000_000)
    await last.close()
    return this.#history.wrong(left)
  }

  async #opened(): Promise<Seat> {
    return { racer: await this.#options.open(), closing: undefined, deliveries: [] }
  }

  async #caller(place: number): Promise<void> {
    const leases: Lease[] = []
    while (this.#left-- > 0) {
      const action = actions[this.#options.random(actions.length)] ?? 'put'
      const seat = this.#seats[place]
      if (seat) await this.#act(action, { place, seat, leases })
      for (let turns = this.#options.random(3); turns > 0; turns--) await new Promise(setImmediate)
    }
  }

  async #act(action: Action, caller: { place: number; seat: Seat; leases: Lease[] }): Promise<void> {
    const { random } = this.#options
    const { place, seat, leases } = caller
    if (action === 'put') return this.#put(seat, 1)
    if (action === 'putMany') return this.#put(seat, 1 + random(6))
    if (action === 'putBig') return this.#put(seat, 2, 900)
    if (action === 'pop') return this.#pop(seat, 1 + random(3))
    if (action === 'lease') return void leases.push(...(await this.#lease(seat, 1 + random(3))))
    if (action === 'ack' || action === 'back') return this.#settle(action, leases.splice(random(leases.length), 1)[0])
    if (action === 'peek') return this.#peek(seat, 1 + random(4))
    if (action === 'count') return this.#count(seat)
    if (action === 'loop') return this.#loop(seat, 1 + random(4))
    if (action === 'flush') return this.#unlessClosed(seat, seat.racer.flush()).then(ignore)
    if (seat.closing) return
    await this.#close(seat)
    this.#seats[place] = await this.#opened()
  }

  /** A call on a handle that is being closed by somebody else may be refused. */
  async #unlessClosed<R>(seat: Seat, call: Promise<R>): Promise<R | undefined> {
    try {
      return await call
    } catch (error) {
      if (codeOf(error) !== 'ERR_QUEUE_CLOSED' || !seat.closing) throw error
      return undefined
    }
  }

  async #put(seat: Seat, count: number, size = 0): Promise<void> {
    const texts = Array.from({ length: count }, () => `w${++this.#texts}`.padEnd(size, '.'))
    const put = { ...this.#history.begin(), handle: seat, texts, firstId: 0, refused: false }
    this.#history.puts.push(put)
    const firstId = await this.#unlessClosed(seat, seat.racer.put(texts))
    put.ended = this.#history.now()
    if (firstId === undefined) put.refused = true
    else put.firstId = firstId
  }

  #look(what: Look['what'], n: number): Look {
    const look: Look = { ...this.#history.begin(), what, n, texts: [] }
    this.#history.looks.push(look)
    return look
  }

  /** What was refused has seen nothing, and says nothing. */
  #looked(look: Look, texts: readonly string[] | undefined): void {
    look.ended = this.#history.now()
    if (texts) look.texts.push(...texts)
    else this.#history.looks.splice(this.#history.looks.indexOf(look), 1)
  }

  async #pop(seat: Seat, n: number): Promise<void> {
    const look = this.#look('pop', n)
    const texts = await this.#unlessClosed(seat, seat.racer.pop(n))
    this.#looked(look, texts)
    for (const text of texts ?? []) this.#history.deliveries.push({ text, take: look, gone: look })
  }

  async #peek(seat: Seat, n: number): Promise<void> {
    const look = this.#look('peek', n)
    this.#looked(look, await this.#unlessClosed(seat, seat.racer.peek(n)))
  }

  async #count(seat: Seat): Promise<void> {
    const span = this.#history.begin()
    const count = await this.#unlessClosed(seat, seat.racer.count())
    if (count !== undefined) this.#history.counts.push({ ...span, ended: this.#history.now(), count })
  }

  async #lease(seat: Seat, n: number): Promise<Lease[]> {
    const look = this.#look('lease', n)
    const taken = await this.#unlessClosed(seat, seat.racer.lease(n))
    this.#looked(
      look,
      taken?.map(({ text }) => text),
    )
    return (taken ?? []).map((inHand) => ({ seat, inHand, delivery: this.#delivered(seat, inHand.text, look) }))
  }

  /** Given back by the closing of its handle, if it has begun and nothing else becomes of it. */
  #delivered(seat: Seat, text: string, take: Span): Delivery {
    const delivery: Delivery = { text, take }
    if (seat.closing) delivery.back = seat.closing
    this.#history.deliveries.push(delivery)
    seat.deliveries.push(delivery)
    return delivery
  }

  async #settle(action: 'ack' | 'back', lease: Lease | undefined): Promise<void> {
    if (!lease) return
    const { seat, inHand, delivery } = lease
    const span = this.#history.begin()
    const end = action === 'ack' ? 'gone' : 'back'
    delivery[end] = span
    const call = action === 'ack' ? inHand.ack() : inHand.back()
    const isDone = await this.#unlessClosed(
      seat,
      call.then(() => true),
    )
    span.ended = this.#history.now()
    if (isDone && action === 'ack') delete delivery.back
    if (isDone) return
    delete delivery.gone
    if (seat.closing) delivery.back = seat.closing
  }

  async #loop(seat: Seat, n: number): Promise<void> {
    const look = this.#look('loop', n)
    const loop = seat.racer.loop()
    let last: Delivery | undefined
    for (let left = n; left > 0; left--) {
      // What was handed out is done with when the next is asked for, and surely when the loop has ended.
      if (last) this.#done(last, seat, look)
      const next = await this.#unlessClosed(seat, loop.next())
      if (next === undefined || next.done) last = undefined
      if (next === undefined || next.done) break
      look.texts.push(next.value)
      const take = { begun: look.begun, ended: this.#history.now() }
      last = this.#delivered(seat, next.value, take)
    }
    const leaving = this.#history.begin()
    if (last) last.back = seat.closing ?? leaving
    await loop.return(undefined)
    leaving.ended = this.#history.now()
    look.ended = leaving.ended
  }

  /** Acknowledged some time until the loop has ended; or, where its handle was closed meanwhile, given back by that. */
  #done(delivery: Delivery, { closing }: Seat, look: Look): void {
    if (closing) delivery.isUnsure = true
    else delivery.gone = spanUntil(this.#history.now(), look)
  }

  async #close(seat: Seat): Promise<void> {
    const closing = this.#history.begin()
    seat.closing = closing
    for (const delivery of seat.deliveries) if (!delivery.gone && !delivery.back) delivery.back = closing
    await seat.racer.close()
    closing.ended = this.#history.now()
  }
}

function spanUntil(begun: number, other: Span): Span {
  return {
    begun,
    get ended() {
      return other.ended
    },
  }
}

function ignore(): void {}

// pool.ts: the connections of this process to one database, shared by all of its handles that are at home there. Some
// to work with, each lent to one task at a time; and one, the life line, on which each handle holds a lock of the server
// for as long as it lives (owner.ts).
//
// Each connection is asked something several times in the silence that the server allows: the server ends one that says
// nothing, and so frees the locks of a host that vanished without a word. The other way round, a life line that nobody
// answers for as long means that the server has vanished: all connections are given up, and what waits in them rejects.
//
// The server may not have noticed yet that a connection is lost, whose open transaction then still has its locks; what it
// had locked would be skipped by whoever takes instead. So nobody gets another one before the server has forgotten it, or
// three seconds have passed.

import { pause } from '../wait/pause.ts'
import { clearInterval, elapsed, setInterval } from '../wait/timers.ts'
import type { Address } from './address.ts'
import { connect, type Link, ServerError } from './driver.ts'

const BEATS = 4
const GHOST_MS = 3000
const GHOST_PAUSE_MS = 5
/** The server, or its user, may have no more connections. */
const FULL = [1040, 1203, 1226]

const pools = new Map<string, Pool>()

export class Pool {
  readonly #address: Address
  readonly #key: string
  readonly #links = new Set<Link>()
  /** The one that was used last is used next. */
  readonly #idle: Link[] = []
  /** So many of them were not used since the last beat. */
  #spare = 0
  readonly #waiting: (() => void)[] = []
  /** Connections that were lost at work, until the server has forgotten them. */
  readonly #ghosts = new Set<number>()
  #forgetting: Promise<void> | undefined
  #packetBytes = Infinity
  #lent = 0
  #handles = 0
  #life: Promise<Link> | undefined
  #beating: NodeJS.Timeout | undefined

  /** That of this process for the address; `leave` it once for each time. */
  static enter(address: Address): Pool {
    const { connecting, tls, allowed, connections, silenceSeconds } = address
    const key = JSON.stringify([connecting(), tls, allowed, connections, silenceSeconds])
    const pool = pools.get(key) ?? new Pool(address, key)
    pools.set(key, pool)
    pool.#handles += 1
    return pool
  }

  private constructor(address: Address, key: string) {
    this.#address = address
    this.#key = key
  }

  /** The longest statement that every connection takes, in bytes: a server may be set otherwise meanwhile. */
  get packetBytes(): number {
    return this.#packetBytes
  }

  /** Does the task with a connection of its own. Rejects with StorageError where there is none. */
  async use<R>(task: (link: Link) => Promise<R>): Promise<R> {
    if (this.#lent < this.#address.connections) this.#lent += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    let link: Link | undefined
    try {
      link = await this.#borrow()
      if (this.#ghosts.size > 0) await this.#forget(link)
      return await task(link)
    } finally {
      if (link?.dead === true) this.#ghosts.add(link.id)
      this.#giveBack(link)
    }
  }

  /** Where the server lets no more in, those that are at work have to do. */
  async #borrow(): Promise<Link> {
    for (;;) {
      try {
        const link = this.#idle.pop()
        this.#spare = Math.min(this.#spare, this.#idle.length)
        return link ?? (await this.#connect())
      } catch (error) {
        const idle = this.#idle.pop()
        if (idle !== undefined) return idle
        if (!(error instanceof ServerError) || !FULL.includes(error.number) || this.#lent <= 1) throw error
      }
      this.#lent -= 1
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** The life line. Rejects with StorageError where there is none. */
  life(): Promise<Link> {
    if (this.#life !== undefined) return this.#life
    const life = this.#connect()
    const over = (): void => {
      if (this.#life === life) this.#life = undefined
    }
    life.then((link) => link.onLost(over), over)
    this.#life = life
    return life
  }

  /** Closes everything when the last handle has left. */
  async leave(): Promise<void> {
    this.#handles -= 1
    if (this.#handles > 0) return
    if (pools.get(this.#key) === this) pools.delete(this.#key)
    clearInterval(this.#beating)
    await this.#life?.catch(() => {})
    await Promise.all([...this.#links].map((link) => link.close()))
  }

  /** Whoever waits has its turn: with this connection, or a new one. */
  #giveBack(link: Link | undefined): void {
    if (link !== undefined && !link.dead && this.#handles > 0) this.#idle.push(link)
    else void link?.close()
    const next = this.#waiting.shift()
    if (next === undefined) this.#lent -= 1
    else next()
  }

  async #connect(): Promise<Link> {
    const link = await connect(this.#address)
    this.#links.add(link)
    this.#weigh()
    link.onLost(() => this.#lost(link))
    const beat = (this.#address.silenceSeconds * 1000) / BEATS
    if (this.#handles > 0) this.#beating ??= setInterval(() => this.#beat(), beat).unref()
    return link
  }

  #forget(link: Link): Promise<void> {
    this.#forgetting ??= this.#forgotten(link).finally(() => {
      this.#forgetting = undefined
    })
    return this.#forgetting
  }

  async #forgotten(link: Link): Promise<void> {
    const ghosts = [...this.#ghosts]
    const select = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID IN (${ghosts.join()})`
    for (const until = elapsed() + GHOST_MS; elapsed() < until; await pause(GHOST_PAUSE_MS)) {
      const [read] = await link.ask([select])
      if (Number(read?.rows[0]?.[0]) === 0) break
    }
    for (const ghost of ghosts) this.#ghosts.delete(ghost)
  }

  #lost(link: Link): void {
    this.#links.delete(link)
    this.#weigh()
    const place = this.#idle.indexOf(link)
    if (place !== -1) this.#idle.splice(place, 1)
  }

  #weigh(): void {
    const all = [...this.#links].map(({ packetBytes }) => packetBytes)
    if (all.length > 0) this.#packetBytes = Math.min(...all)
  }

  #beat(): void {
    const ms = this.#address.silenceSeconds * 1000
    // What nobody needed is closed, but for one: each is asked something for ever.
    for (const link of this.#idle.splice(0, Math.min(this.#spare, this.#idle.length - 1))) void link.close()
    this.#spare = this.#idle.length
    for (const link of this.#idle) link.ping(ms).catch(() => {})
    this.#life?.then((life) => life.ping(ms)).catch(() => this.#vanished())
  }

  #vanished(): void {
    for (const link of [...this.#links]) link.destroy()
  }
}

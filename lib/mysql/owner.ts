// owner.ts: a handle as the others see it: a row of its own, and a lock of the server (GET_LOCK), which it holds on the
// life line of its process (pool.ts) for as long as it lives.
//
// The server frees the lock the moment that the connection ends, and so when the process is killed; a process that is
// stopped keeps it, and a host that vanished loses it after some seconds of silence.
//
//      alive ──connection lost──▶ lost ──connected again, row still there──▶ alive, and holds what it held
//                                  └────connected again, row gone──▶ alive under another number, and holds nothing
//
// Whoever finds the lock of a row free may take back what its owner held, and deletes the row with it (reclaim.ts): both
// lock the row first, so one of the two comes first. One that is lost tries to be back before anybody notices, as long
// as it is open.

import { randomUUID } from 'node:crypto'
import { StorageError } from '../errors.ts'
import type { IdRange } from '../store.ts'
import { pause } from '../wait/pause.ts'
import { clearTimeout, setTimeout } from '../wait/timers.ts'
import type { Link } from './driver.ts'
import type { Pool } from './pool.ts'
import { hex } from './statements.ts'

const AGAIN_MS = 200
/** A server may take a moment to notice that the connection which had the lock is gone. */
const LOCK_TRIES = 100
const LOCK_PAUSE_MS = 20

export class Owner {
  readonly uuid = randomUUID()
  readonly #queue: number
  readonly #pool: Pool
  readonly #marks = new Map<number, IdRange>()
  #id = 0
  /** The life line that holds the lock. */
  #link: Link | undefined
  #forget: () => void = () => {}
  #joining: Promise<void> | undefined
  #again: NodeJS.Timeout | undefined
  #writing = false
  #dirty = false
  #state: 'open' | 'closed' = 'open'
  /** Called when what this handle held is its no more. */
  renewed: () => void = () => {}

  constructor(queue: number, pool: Pool) {
    this.#queue = queue
    this.#pool = pool
  }

  get id(): number {
    return this.#id
  }

  /** Resolves when it is alive, as whoever it is then. */
  alive(): Promise<void> {
    if (this.#link?.dead === false) return Promise.resolve()
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined
    })
    return this.#joining
  }

  /** Resolves when the server says so, too. */
  async verify(): Promise<void> {
    await this.alive()
    await this.#pool.use((link) => this.#register(link))
  }

  async #join(): Promise<void> {
    const link = await this.#pool.life()
    await this.#lock(link)
    await this.#pool.use((other) => this.#register(other))
    if (this.#state === 'closed') return this.#unlock(link)
    this.#link = link
    this.#forget = link.onLost(() => this.#lost())
    this.#write()
  }

  async #lock(link: Link): Promise<void> {
    for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
      const [got] = await link.ask([`SELECT GET_LOCK('${lockOf(this.uuid)}', 0)`])
      if (Number(got?.rows[0]?.[0]) === 1) return
      await pause(LOCK_PAUSE_MS)
    }
    throw new StorageError('mysql: the server still keeps the lock that this handle had before: try again')
  }

  async #unlock(link: Link): Promise<void> {
    this.#link = undefined
    this.#forget()
    await link.ask([`DO RELEASE_LOCK('${lockOf(this.uuid)}')`]).catch(() => {})
  }

  /** Its row, locked for a moment: whoever was about to declare it dead is done, and sees that it lives. */
  async #register(link: Link): Promise<void> {
    const select = `SELECT id FROM spoolq_owners WHERE id = ${this.#id} FOR UPDATE`
    const [, still] = this.#id === 0 ? [] : await link.ask(['BEGIN', select, 'COMMIT'])
    if (still?.rows.length === 1) return
    const had = this.#id
    const row = `INSERT INTO spoolq_owners (queue, uuid, marks) VALUES (${this.#queue}, '${this.uuid}', '')`
    const tally = `INSERT INTO spoolq_tallies (queue, owner) VALUES (${this.#queue}, @owner)`
    const made = await link
      .ask(['BEGIN', row, 'SET @owner = LAST_INSERT_ID()', tally, 'COMMIT', 'SELECT @owner'])
      .catch((error: unknown) => {
        link.destroy()
        throw error
      })
    this.#id = Number(made.at(-1)?.rows[0]?.[0])
    if (had !== 0) this.renewed()
  }

  #lost(): void {
    this.#writing = false
    this.#dirty = this.#marks.size > 0
    this.#comeBack()
  }

  #comeBack(): void {
    if (this.#state === 'closed') return
    this.alive().catch(() => {
      clearTimeout(this.#again)
      this.#again = setTimeout(() => this.#comeBack(), AGAIN_MS).unref()
    })
  }

  /** What a loop has in hand. Sent at once, or, where one is on its way, behind it. */
  mark(loop: number, ids: IdRange | undefined): void {
    if (ids === undefined) this.#marks.delete(loop)
    else this.#marks.set(loop, ids)
    this.#dirty = true
    this.#write()
  }

  #write(): void {
    const link = this.#link
    if (this.#writing || !this.#dirty || link === undefined || link.dead) return
    this.#dirty = false
    this.#writing = true
    const marks = hex(Buffer.from(JSON.stringify([...this.#marks.values()])))
    const written = link.ask([`UPDATE spoolq_owners SET marks = ${marks} WHERE id = ${this.#id}`])
    const next = (): void => {
      this.#writing = false
      this.#write()
    }
    written.then(next, next)
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#again)
    await this.#joining?.catch(() => {})
    if (this.#link !== undefined) await this.#unlock(this.#link)
  }
}

export function lockOf(uuid: string): string {
  return `spoolq-${uuid}`
}

// owner.ts: a handle as the others see it: a row of its own, and a connection of its own that holds a lock of the
// server (GET_LOCK) for as long as it lives.
//
// The server frees the lock the moment that the connection ends, and so when the process is killed, however busy the
// others are; a process that is stopped, or whose event loop stands still, keeps it. For hosts that vanish without a
// word the connection asks something every 10 s, and the server ends it after 60 s of silence.
//
//      alive ──connection lost──▶ lost ──connected again, row still there──▶ alive, and holds what it held
//                                  └────connected again, row gone──▶ alive under another number, and holds nothing
//
// Whoever finds the lock of a row free may take back what its owner held, and deletes the row with it (reclaim.ts): both
// lock the row first, so one of the two comes first.

import { randomUUID } from 'node:crypto'
import { StorageError } from '../errors.ts'
import type { IdRange } from '../store.ts'
import type { Link, Result } from './driver.ts'
import { hex } from './statements.ts'

const SILENT_S = 60
const ASK_MS = 10_000

export class Owner {
  readonly uuid = randomUUID()
  readonly #queue: number
  readonly #connect: () => Promise<Link>
  readonly #marks = new Map<number, IdRange>()
  #id = 0
  /** Connected, and not used yet. */
  #spare: Link | undefined
  #link: Link | undefined
  #joining: Promise<void> | undefined
  #asking: NodeJS.Timeout | undefined
  #writing = false
  #dirty = false
  #state: 'open' | 'closed' = 'open'
  /** Called when what this handle held is its no more. */
  renewed: () => void = () => {}

  /** `first`: a connection that is its from here on. */
  constructor(queue: number, connect: () => Promise<Link>, first: Link) {
    this.#queue = queue
    this.#connect = connect
    this.#spare = first
  }

  get id(): number {
    return this.#id
  }

  /** Asks over its connection, which is one for looking too. */
  async ask(statements: readonly string[]): Promise<readonly Result[]> {
    await this.alive()
    return this.#link?.ask(statements) ?? []
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
    const [still] = (await this.#link?.ask([`SELECT 1 FROM spoolq_owners WHERE id = ${this.#id}`])) ?? []
    if (still?.rows.length === 0) this.#link?.destroy()
    await this.alive()
  }

  async #join(): Promise<void> {
    const link = this.#spare ?? (await this.#connect())
    this.#spare = undefined
    try {
      await this.#lock(link)
      await this.#register(link)
    } catch (error) {
      link.destroy()
      throw error
    }
    this.#link = link
    link.onLost(() => this.#lost())
    this.#asking ??= setInterval(() => void link.ask(['DO 1']).catch(() => {}), ASK_MS).unref()
    if (this.#state === 'closed') link.destroy()
  }

  async #lock(link: Link): Promise<void> {
    const [, got] = await link.ask([
      `SET SESSION wait_timeout = ${SILENT_S}`,
      `SELECT GET_LOCK('${lockOf(this.uuid)}', 5)`,
    ])
    if (Number(got?.rows[0]?.[0]) !== 1)
      throw new StorageError('mysql: the lock of this handle is still held: try again')
  }

  async #register(link: Link): Promise<void> {
    const [, still] = await link.ask([
      'BEGIN',
      `SELECT id FROM spoolq_owners WHERE id = ${this.#id} FOR UPDATE`,
      'COMMIT',
    ])
    if (still?.rows.length === 1) return
    const had = this.#id
    const [, , made] = await link.ask([
      'BEGIN',
      `INSERT INTO spoolq_owners (queue, uuid, marks) VALUES (${this.#queue}, '${this.uuid}', '')`,
      'SELECT @owner := LAST_INSERT_ID()',
      `INSERT INTO spoolq_tallies (queue, owner) VALUES (${this.#queue}, @owner)`,
      'COMMIT',
    ])
    this.#id = Number(made?.rows[0]?.[0])
    if (had !== 0) this.renewed()
  }

  #lost(): void {
    clearInterval(this.#asking)
    this.#asking = undefined
    this.#writing = false
    if (this.#state === 'open') void this.alive().catch(() => {})
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
    clearInterval(this.#asking)
    await this.#joining?.catch(() => {})
    await this.#link?.close()
    await this.#spare?.close()
  }
}

export function lockOf(uuid: string): string {
  return `spoolq-${uuid}`
}

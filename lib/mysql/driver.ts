// driver.ts: the only importer of mysql2, an optional peer dependency: one connection as a Link, which sends some
// statements in one trip and resolves to what each of them came to.
//
// Every literal is a number or hex digits, so nothing has to be escaped, in no mode of the server. A link that lost its
// server, or was silent for too long, is dead: whoever needs it opens another one. It keeps the process alive while it
// is asked.

import type { Connection, ConnectionOptions } from 'mysql2'
import { StorageError, UnsupportedError } from '../errors.ts'
import type { Address } from './address.ts'
import { failure, LostError, wrongAnswer } from './failure.ts'
import { isAsAsked, loginOf, nameHost, RefusedError } from './login.ts'
import { tripsOf } from './trips.ts'

export { LostError, ServerError } from './failure.ts'

export type Cell = number | string | Buffer | null

/** What one statement came to. */
export interface Result {
  readonly rows: readonly (readonly Cell[])[]
  readonly affected: number
}

export interface Link {
  /** Its number in the server's list of connections. */
  readonly id: number
  /** The longest statement that it takes, in bytes. */
  readonly packetBytes: number
  readonly dead: boolean
  /**
   * Sends the statements in one trip, or in as few as the server's packets allow; the first that fails ends it. Rejects
   * with ServerError or LostError, and with StorageError where one is longer than any packet: nothing is sent then.
   */
  ask(statements: readonly string[]): Promise<readonly Result[]>
  /** Is there still somebody? Keeps no process alive; where nobody answers within `ms`, the link is dead. */
  ping(ms: number): Promise<void>
  /** Calls it once when the server is lost; returns how to stop that. */
  onLost(told: () => void): () => void
  close(): Promise<void>
  destroy(): void
}

/** How mysql2 is found; specs put something else in its place. */
export type Import = () => Promise<Pick<typeof import('mysql2'), 'createConnection' | 'authPlugins'>>

const CONNECT_MS = 5000
/** The least that a server may be set to. */
const LEAST_PACKET = 1024

/** Rejects with StorageError where there is no server, UnsupportedError where there is no driver. */
export async function connect(address: Address, find: Import = () => import('mysql2')): Promise<Link> {
  const mysql2 = await find().catch(missing)
  const { silenceSeconds, connecting } = address
  const options: ConnectionOptions = {
    ...connecting(),
    ...(await loginOf(address, mysql2)),
    charset: 'utf8mb4',
    connectTimeout: CONNECT_MS,
    multipleStatements: true,
    rowsAsArray: true,
    timezone: 'Z',
    enableKeepAlive: true,
    // There are no placeholders to look for.
    queryFormat: (sql) => sql,
    // No statement asks for a file of this machine, so no answer may.
    flags: ['-LOCAL_FILES'],
  }
  const connection = mysql2.createConnection(options)
  nameHost(socketOf(connection), connecting())
  guardPackets(connection)
  await new Promise((resolve, reject) => {
    connection.once('connect', resolve)
    connection.on('error', (error: unknown) => reject(failure(error, address)))
  })
  const link = new MysqlLink(connection, address)
  try {
    if (!isAsAsked(socketOf(connection), address)) throw wrongAnswer(address, 'before the connection was encrypted')
    await link.begin([...SESSION, `SET SESSION wait_timeout = ${silenceSeconds}`])
    return link
  } catch (error) {
    link.destroy()
    throw error
  }
}

const SESSION = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', innodb_lock_wait_timeout = 5",
  "SET SESSION autocommit = 1, completion_type = 'NO_CHAIN', sql_safe_updates = 0, sql_select_limit = 18446744073709551615",
  // Long lists of ids are looked up, each by its own: a server that thinks better of it reads, and locks, all of the queue.
  'SET SESSION autocommit = 1 /*!80003 , information_schema_stats_expiry = 0, range_optimizer_max_mem_size = 0 */' +
    ' /*M!100600 , optimizer_max_sel_arg_weight = 0, in_predicate_conversion_threshold = 0 */',
]

function missing(cause: unknown): never {
  throw new UnsupportedError("mysql: queues need the package mysql2, which can't be loaded: npm i mysql2", { cause })
}

class MysqlLink implements Link {
  readonly #connection: Connection
  readonly #address: Address
  readonly #socket: Socket
  readonly #lost = new Set<() => void>()
  /** Told by this class: a destroyed connection of mysql2 leaves its callers waiting. */
  readonly #pending = new Set<(error: Error) => void>()
  #state: 'open' | 'dead' = 'open'
  #asked = 0
  #packetBytes = Infinity
  /** Of its loss. */
  #cause: unknown

  constructor(connection: Connection, address: Address) {
    this.#connection = connection
    this.#address = address
    this.#socket = socketOf(connection)
    this.#socket.unref()
    connection.on('error', (error: unknown) => {
      this.#cause ??= failure(error, address).cause
      this.destroy()
    })
    connection.on('end', () => this.destroy())
  }

  get id(): number {
    return this.#connection.threadId
  }

  get packetBytes(): number {
    return this.#packetBytes
  }

  get dead(): boolean {
    return this.#state === 'dead'
  }

  onLost(told: () => void): () => void {
    this.#lost.add(told)
    return () => this.#lost.delete(told)
  }

  /** The first that is asked. */
  async begin(settings: readonly string[]): Promise<void> {
    this.#socket.ref()
    const read = await this.#send([...settings, 'SELECT @@max_allowed_packet'], CONNECT_MS)
    this.#socket.unref()
    this.#packetBytes = packetBytesOf(read.at(-1)?.rows[0]?.[0], this.#address)
  }

  async ask(statements: readonly string[]): Promise<readonly Result[]> {
    const [trip = [], ...others] = tripsOf(statements, this.#packetBytes)
    this.#asked += 1
    this.#socket.ref()
    try {
      const results = await this.#send(trip)
      if (others.length === 0) return results
      const all = [...results]
      for (const other of others) all.push(...(await this.#send(other)))
      return all
    } finally {
      this.#asked -= 1
      if (this.#asked === 0) this.#socket.unref()
    }
  }

  async ping(ms: number): Promise<void> {
    await this.#send(['DO 1'], ms)
  }

  async #send(statements: readonly string[], timeout?: number): Promise<readonly Result[]> {
    if (this.dead) throw this.#lostError()
    const query = { sql: statements.join(';'), ...(timeout !== undefined && { timeout }) }
    let pending: (error: Error) => void = () => {}
    try {
      const results = await new Promise<unknown>((resolve, reject) => {
        pending = reject
        this.#pending.add(pending)
        this.#connection.query(query, (error, read) => (error === null ? resolve(read) : reject(error)))
      })
      const read = statements.length === 1 ? [resultOf(results)] : resultsOf(results)
      if (read.length === statements.length) return read
      throw wrongAnswer(this.#address, `${statements.length} statements with ${read.length} results`)
    } catch (error) {
      const told = error instanceof StorageError ? error : failure(error, this.#address)
      if (told instanceof LostError || told instanceof RefusedError) this.destroy()
      throw told
    } finally {
      this.#pending.delete(pending)
    }
  }

  async close(): Promise<void> {
    if (this.dead) return
    this.#socket.ref()
    await new Promise((resolve) => this.#connection.end(resolve))
    this.destroy()
  }

  destroy(): void {
    if (this.dead) return
    this.#state = 'dead'
    this.#connection.destroy()
    this.#socket.destroy()
    for (const reject of [...this.#pending]) reject(this.#lostError())
    for (const told of [...this.#lost]) told()
  }

  #lostError(): LostError {
    const what = `${this.#address.shown}: the connection is lost: what was under way may be done or not`
    return new LostError(what, this.#cause === undefined ? {} : { cause: this.#cause })
  }
}

function resultsOf(results: unknown): Result[] {
  return Array.isArray(results) ? results.map(resultOf) : []
}

function resultOf(result: unknown): Result {
  if (Array.isArray(result)) return { rows: result, affected: 0 }
  const { affectedRows = 0 } = (result ?? {}) as { readonly affectedRows?: number }
  return { rows: [], affected: affectedRows }
}

/** Statements are cut by it: what is no such number would send none of them. */
function packetBytesOf(cell: Cell | undefined, address: Address): number {
  const bytes = typeof cell === 'number' ? cell : Number.NaN
  if (Number.isSafeInteger(bytes) && bytes >= LEAST_PACKET) return bytes
  throw wrongAnswer(address, `a max_allowed_packet of ${String(cell).slice(0, 40)}`)
}

/** A packet that no server sends makes the driver throw where nobody catches it: the connection is lost instead. */
function guardPackets(connection: Connection): void {
  const driver = connection as Connection & { handlePacket?: (packet: unknown) => unknown }
  const handle = driver.handlePacket?.bind(driver)
  if (handle === undefined) return
  driver.handlePacket = (packet) => {
    try {
      handle(packet)
    } catch (error) {
      connection.emit('error', error)
      connection.destroy()
    }
  }
}

interface Socket {
  ref(): unknown
  unref(): unknown
  destroy(): unknown
}

function socketOf(connection: Connection): Socket {
  return (connection as unknown as { stream: Socket }).stream
}

// address.ts: where a MySQL queue is, read from its URL. The password is in the connection's words and nowhere else.
//
//      mysql://user:password@host:3306/database?queue=name&socketPath=/run/mysqld/mysqld.sock
//
// Every part is escaped as in any URL. `queue` is 'queue' where it is not named; a name has 1 to 255 characters.

import { QueueError } from '../errors.ts'

/** What mysql2 connects with. */
export interface Connecting {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly user?: string
  readonly password?: string
  readonly database: string
}

export interface Address {
  /** A function, so that nothing that shows an address shows the password. */
  readonly connecting: () => Connecting
  readonly queue: string
  /** The same place in words that may be told: no user, no password. */
  readonly shown: string
}

const NAME_MAX = 255
const PARAMETERS = ['queue', 'socketPath']

/** A TypeError where the URL names no database, or says what nobody knows. */
export function addressOf(location: string): Address {
  const url = parsed(location)
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) throw wrong(`unknown parameter '${name}': there are ${PARAMETERS.join(' and ')}`)
  }
  const database = decoded(url.pathname.slice(1))
  if (database === '') throw wrong('it names no database: mysql://user:password@host/database?queue=name')
  const queue = url.searchParams.get('queue') ?? 'queue'
  checkName(queue)
  const socketPath = url.searchParams.get('socketPath')
  const host = decoded(url.hostname).replace(/^\[(.*)\]$/, '$1') || 'localhost'
  const port = url.port === '' ? 3306 : Number(url.port)
  const place = socketPath === null ? { host, port } : { socketPath }
  const user = url.username === '' ? {} : { user: decoded(url.username) }
  const password = url.password === '' ? {} : { password: decoded(url.password) }
  const where = socketPath ?? `${url.hostname || host}:${port}`
  const shown = `mysql://${where}/${encodeURIComponent(database)}?queue=${encodeURIComponent(queue)}`
  const connecting = { ...place, ...user, ...password, database }
  return { connecting: () => connecting, queue, shown }
}

function checkName(name: string): void {
  const characters = [...name].length
  if (characters === 0 || characters > NAME_MAX || !name.isWellFormed()) {
    throw wrong(`a queue's name has 1 to ${NAME_MAX} characters of Unicode, not ${characters}`)
  }
}

// What new URL() says of a location it can't read quotes all of it, password and all.
function parsed(location: string): URL {
  if (/^[a-z]+:\/\//i.test(location) && URL.canParse(location)) return new URL(location)
  throw wrong('it is no URL: mysql://user:password@host:port/database?queue=name, with each part escaped')
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw wrong("a '%' in it is no escape: write %25")
  }
}

function wrong(what: string): TypeError {
  return new TypeError(`mysql location: ${what}`)
}

/** The message of an error of the driver, without anything that it may quote of the password. */
export function untold(error: unknown, { connecting }: Address): string {
  const message = error instanceof Error ? error.message : String(error)
  const { password = '' } = connecting()
  return password === '' || error instanceof QueueError ? message : message.replaceAll(password, '***')
}

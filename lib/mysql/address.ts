// address.ts: where a MySQL queue is, read from its URL. The password is in the connection's words and nowhere else.
//
//      mysql://user:password@host:3306/database?queue=name&socketPath=/run/mysqld/mysqld.sock
//
// Every part is escaped as in any URL. The parameters, each at most once:
//
//      queue         'queue'     the queue's name: 1 to 255 characters of Unicode
//      socketPath    –           the server's socket, instead of host and port
//      ssl           'false'     'true': encrypted, the server's certificate checked; 'unverified': not checked
//      connections   10          to work with, for all queues of the process in that database, at most
//      silence       10          seconds after which the server ends a connection whose host has vanished

import { QueueError } from '../errors.ts'

/** What mysql2 connects with. */
export interface Connecting {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly user?: string
  readonly password?: string
  readonly database: string
  readonly ssl?: { readonly rejectUnauthorized: boolean }
}

export interface Address {
  /** A function, so that nothing that shows an address shows the password. */
  readonly connecting: () => Connecting
  readonly queue: string
  readonly connections: number
  readonly silenceSeconds: number
  /** The same place in words that may be told: no user, no password. */
  readonly shown: string
}

const NAME_MAX = 255
/** What a message may put around what it quotes, without such a mark in it. */
const QUOTED = /(['"`])([^'"`]*)\1/g
/** From so many characters on, other than letters and digits alone, no word of a message is the password by chance. */
const LONG = 8
const PARAMETERS = ['queue', 'socketPath', 'ssl', 'connections', 'silence']

/** A TypeError where the URL names no database, or says what nobody knows. */
export function addressOf(location: string): Address {
  const url = parsed(location)
  const words = url.searchParams
  checkParameters(words)
  const database = decoded(url.pathname.slice(1))
  if (database === '') throw wrong('it names no database: mysql://user:password@host/database?queue=name')
  const queue = words.get('queue') ?? 'queue'
  checkName(queue)
  const socketPath = words.get('socketPath')
  const host = decoded(url.hostname).replace(/^\[(.*)\]$/, '$1') || 'localhost'
  const port = url.port === '' ? 3306 : Number(url.port)
  const where = socketPath ?? `${url.hostname || host}:${port}`
  const connecting = {
    ...(socketPath === null ? { host, port } : { socketPath }),
    ...(url.username !== '' && { user: decoded(url.username) }),
    ...(url.password !== '' && { password: decoded(url.password) }),
    ...sslOf(words),
    database,
  }
  return {
    connecting: () => connecting,
    queue,
    connections: numberOf(words, { name: 'connections', usual: 10, least: 1, most: 1000 }),
    silenceSeconds: numberOf(words, { name: 'silence', usual: 10, least: 1, most: 3600 }),
    shown: `mysql://${where}/${encodeURIComponent(database)}?queue=${encodeURIComponent(queue)}`,
  }
}

function checkParameters(words: URLSearchParams): void {
  for (const name of new Set(words.keys())) {
    if (!PARAMETERS.includes(name)) throw wrong(`unknown parameter '${name}': there are ${PARAMETERS.join(', ')}`)
    if (words.getAll(name).length > 1) throw wrong(`parameter '${name}' is there more than once`)
  }
}

function checkName(name: string): void {
  const characters = [...name].length
  if (characters === 0 || characters > NAME_MAX || !name.isWellFormed()) {
    throw wrong(`a queue's name has 1 to ${NAME_MAX} characters of Unicode, not ${characters}`)
  }
}

interface Bounds {
  readonly name: string
  readonly usual: number
  readonly least: number
  readonly most: number
}

function numberOf(words: URLSearchParams, { name, usual, least, most }: Bounds): number {
  const word = words.get(name)
  if (word === null) return usual
  const number = /^\d+$/.test(word) ? Number(word) : 0
  if (number < least || number > most) throw wrong(`'${name}' is a whole number from ${least} to ${most}`)
  return number
}

function sslOf(words: URLSearchParams): Pick<Connecting, 'ssl'> {
  const word = words.get('ssl') ?? 'false'
  if (word === 'false') return {}
  if (word !== 'true' && word !== 'unverified') throw wrong("'ssl' is true, unverified or false")
  return { ssl: { rejectUnauthorized: word === 'true' } }
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

/** The message of an error of the driver, without the password where it quotes that. */
export function untold(error: unknown, { connecting }: Address): string {
  const message = error instanceof Error ? error.message : String(error)
  return error instanceof QueueError ? message : masked(message, connecting())
}

/** The same letters elsewhere are words; and a password that is the name of something shown is no secret. */
function masked(message: string, { password = '', user, host, database }: Connecting): string {
  if (password === '' || password === user || password === host || password === database) return message
  const forms = new Set([password, encodeURIComponent(password), JSON.stringify(password).slice(1, -1)])
  let words = message
  for (const form of forms) {
    words = words.replaceAll(QUOTED, (all, quote, quoted) => (quoted === form ? `${quote}***${quote}` : all))
    words = words.replaceAll(`:${form}@`, ':***@')
    if (/['"`]/.test(form))
      for (const quote of '\'"`') words = words.replaceAll(quote + form + quote, `${quote}***${quote}`)
    if (form.length >= LONG && !/^[\p{L}\d]*$/u.test(form)) words = words.replaceAll(form, '***')
  }
  return words
}

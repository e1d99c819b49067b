// address.ts: where a MySQL queue is, read from its URL. The password is in the connection's words and nowhere else.
//
//      mysql://user:password@host:3306/database?queue=name&socketPath=/run/mysqld/mysqld.sock
//
// Every part is escaped as in any URL. The parameters, each at most once:
//
//      queue         'queue'     the queue's name: 1 to 255 characters of Unicode
//      socketPath    –           the server's socket, instead of host and port
//      ssl           'false'     'required': encrypted; 'verify': its certificate and its name are checked as well
//      ca            –           a PEM file of the authorities that 'verify' trusts, instead of those of Node
//      allowCleartextPasswords, allowPublicKeyRetrieval     'false': see login.ts
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
}

export interface Tls {
  readonly isVerified: boolean
  /** The path of a PEM file. */
  readonly ca: string | undefined
}

/** What a server may be given of the password where the connection is not encrypted. */
export interface Allowed {
  readonly cleartext: boolean
  readonly publicKey: boolean
}

export interface Address {
  /** A function, so that nothing that shows an address shows the password. */
  readonly connecting: () => Connecting
  readonly tls: Tls | undefined
  readonly allowed: Allowed
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
const CLEARTEXT = 'allowCleartextPasswords'
const PUBLIC_KEY = 'allowPublicKeyRetrieval'
const PARAMETERS = ['queue', 'socketPath', 'ssl', 'ca', 'connections', 'silence', CLEARTEXT, PUBLIC_KEY]
/** The earlier words for 'verify' and 'required' do as well. */
const SSL: Readonly<Record<string, 'verify' | 'required' | 'none'>> = {
  verify: 'verify',
  true: 'verify',
  required: 'required',
  unverified: 'required',
  false: 'none',
}

/** A TypeError where the URL names no database, or says what nobody knows. */
export function addressOf(location: string): Address {
  const url = parsed(location)
  const words = url.searchParams
  checkParts(url)
  checkParameters(words, !url.search.includes('@'))
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
    database,
  }
  const tls = tlsOf(words)
  return {
    // With a socket, the host is the name that its certificate is for.
    connecting: () => (tls?.isVerified && socketPath !== null ? { ...connecting, host } : connecting),
    tls,
    allowed: { cleartext: flagOf(words, CLEARTEXT), publicKey: flagOf(words, PUBLIC_KEY) },
    queue,
    connections: numberOf(words, { name: 'connections', usual: 10, least: 1, most: 1000 }),
    silenceSeconds: numberOf(words, { name: 'silence', usual: 10, least: 1, most: 3600 }),
    shown: `mysql://${where}/${encodeURIComponent(database)}?queue=${encodeURIComponent(queue)}`,
  }
}

/** `isPlain`: no part of it can be of a password. */
function checkParameters(words: URLSearchParams, isPlain: boolean): void {
  for (const name of new Set(words.keys())) {
    if (!PARAMETERS.includes(name)) {
      const shown = isPlain && /^\w+$/.test(name) ? `parameter '${name}'` : 'parameter'
      throw wrong(`unknown ${shown}: there are ${PARAMETERS.join(', ')}`)
    }
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

function flagOf(words: URLSearchParams, name: string): boolean {
  const word = words.get(name) ?? 'false'
  if (word !== 'true' && word !== 'false') throw wrong(`'${name}' is true or false`)
  return word === 'true'
}

function tlsOf(words: URLSearchParams): Tls | undefined {
  const word = words.get('ssl') ?? 'false'
  const ssl = Object.hasOwn(SSL, word) ? SSL[word] : undefined
  if (ssl === undefined) throw wrong("'ssl' is verify, required or false")
  const ca = words.get('ca') ?? undefined
  if (ca !== undefined && ssl !== 'verify')
    throw wrong("'ca' says whom ssl=verify trusts: without that it does nothing")
  if (ca === '' || ca?.includes('\0')) throw wrong("'ca' is the path of a PEM file")
  return ssl === 'none' ? undefined : { isVerified: ssl === 'verify', ca }
}

/**
 * A '/', '?' or '#' in a password that is not escaped ends the host's part of a URL: what follows would be taken for a
 * database or a parameter, and be told.
 */
function checkParts({ pathname, search, hash, username }: URL): void {
  if (hash !== '') throw wrong("a '#' has to be escaped: write %23")
  const isSplit = /[@/]/.test(pathname.slice(1)) || (username === '' && search.includes('@'))
  if (isSplit)
    throw wrong("a '/', '?' or '@' in a user's name, a password or a database has to be escaped: %2F, %3F, %40")
}

// What new URL() says of a location it can't read quotes all of it, password and all.
function parsed(location: string): URL {
  // What new URL() would leave out.
  if (/[\t\r\n]/.test(location)) throw wrong('a line break or a tab has to be escaped: write %0A, %0D or %09')
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

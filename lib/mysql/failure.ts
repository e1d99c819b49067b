// failure.ts: what the driver tells of a failure, as errors of the queue: the server refused, or it is lost.

import { StorageError } from '../errors.ts'
import { idsEnd } from '../ids.ts'
import { type Address, untold } from './address.ts'
import { NO_IDS } from './ids.ts'
import { RefusedError } from './login.ts'

/** The server refused a statement; the connection holds. */
export class ServerError extends StorageError {
  /** The server's own number: 1213 for a deadlock. */
  readonly number: number

  constructor(number: number, message: string, cause: unknown) {
    super(message, { cause })
    this.number = number
  }

  override get name(): string {
    return 'StorageError'
  }
}

/** The connection is lost: what was asked may have been done or not. */
export class LostError extends StorageError {
  override get name(): string {
    return 'StorageError'
  }
}

/** Told by a server that goes, or that ends this connection. */
const GOING = [1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 3169, 4031]

/** The server said what no MySQL server says: it is none, or somebody on the way speaks for it. */
export function wrongAnswer({ shown }: Address, what: string): StorageError {
  return new RefusedError(`${shown}: the server answered ${what}: it is no MySQL server, or not the one you mean`)
}

/** The server's refusal, or the loss of it. A cause that quotes the statement, and so the items, is not kept. */
export function failure(error: unknown, address: Address): StorageError {
  if (error instanceof RefusedError) return error
  if (error instanceof Error && error.message.includes('LOCAL INFILE')) {
    return wrongAnswer(address, 'with a question for a file of this machine')
  }
  const { errno, code, fatal, sqlState } = error as {
    errno?: number
    code?: string
    fatal?: boolean
    sqlState?: string
  }
  const cause = Object.assign(new Error(untold(error, address)), { code, errno })
  if (sqlState !== undefined && fatal !== true && errno !== undefined && !GOING.includes(errno)) {
    if (errno === NO_IDS && cause.message.includes('next_id')) return idsEnd(address.shown)
    return new ServerError(errno, `${address.shown}: the server refused: ${cause.message}`, cause)
  }
  const what = sqlState === undefined ? 'the server is lost or not there' : 'the server let nobody in'
  return new LostError(`${address.shown}: ${what}: ${code ?? ''} ${cause.message}`.trim(), { cause })
}

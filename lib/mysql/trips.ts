// trips.ts: statements as requests: as many in each as the server takes at once, and no more than a request is worth.

import { constants } from 'node:buffer'
import { StorageError } from '../errors.ts'

/** What is sent in one trip, unless one statement is longer. */
const TRIP_CHARACTERS = 2 ** 22
/** Of a packet, beside the statements: a byte that says what it is, and what a server takes for itself. */
const REST = 64

/** What is written into a statement, and how many bytes there may be beside its digits. */
interface Written {
  readonly what: string
  readonly words: number
}

const ITEM: Written = { what: 'an item', words: 4096 }
/** It is written beside a list of ids. */
export const REASON: Written = { what: 'a reason', words: 8192 }

/** The statements in lots of one trip each. Throws where one is longer than what the server takes. */
export function tripsOf(statements: readonly string[], packetBytes: number): readonly (readonly string[])[] {
  const most = packetBytes - REST
  let characters = -1
  for (const { length } of statements) {
    if (length > most) throw tooLong(`a statement of ${length} bytes`, length + REST, packetBytes)
    characters += length + 1
  }
  if (characters <= Math.min(most, TRIP_CHARACTERS)) return [statements]
  return splitOf(statements, Math.min(most, TRIP_CHARACTERS))
}

function splitOf(statements: readonly string[], most: number): string[][] {
  const trips: string[][] = []
  let characters = Infinity
  for (const statement of statements) {
    if (characters + 1 + statement.length > most) {
      trips.push([])
      characters = -1
    }
    trips.at(-1)?.push(statement)
    characters += 1 + statement.length
  }
  return trips
}

/**
 * Throws where so many bytes are too many for one statement: it writes each as two digits, the server takes none that is
 * longer than its packet, and Node no text that is longer than half a gigabyte.
 */
export function checkSize(bytes: number, packetBytes: number, { what, words } = ITEM): void {
  const needed = 2 * bytes + words
  const most = Math.floor((constants.MAX_STRING_LENGTH - words) / 2)
  const told = `${what} of ${bytes} bytes`
  if (bytes > most) throw new StorageError(`mysql: ${told} is too large: a statement holds at most ${most} bytes`)
  if (needed > packetBytes) throw tooLong(told, needed, packetBytes)
}

function tooLong(what: string, needed: number, packetBytes: number): StorageError {
  return new StorageError(
    `mysql: ${what} needs a max_allowed_packet of ${needed}, and the server has ${packetBytes}: raise it there`,
  )
}

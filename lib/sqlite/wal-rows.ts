// wal-rows.ts: what queues had come to, in pages of a WAL that SQLite will not read any more: the rows of spoolq_queues,
// which each transaction of a queue writes. A row is known by its uuid; the last one of it that is met counts.
//
//    leaf page     13 · … · count of cells 2 (at 3) · where each begins, 2 each (from 8 on; page 1: all 100 further on)
//    cell          bytes of the record · rowid · record
//    record        bytes of its header · a type for each column · the columns                      (all but texts: varints)

const LEAF = 13
const FILE_HEADER_BYTES = 100
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NAME = 1
const UUID_AT = 2
const NEXT_ID = 5
/** Ready, delayed and flying. */
const WAITING = [8, 9, 10]
const COLUMNS = 15

export interface LastRow {
  readonly name: string
  readonly nextId: number
  /** Ready, delayed or in flight. */
  readonly waiting: number
}

/** Adds the rows of a page, by their uuids. Bytes that are none of such a page add nothing. */
export function addRows(rows: Map<string, LastRow>, page: Uint8Array, number: number): void {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.length)
  const from = number === 1 ? FILE_HEADER_BYTES : 0
  if (bytes[from] !== LEAF) return
  const count = bytes.readUInt16BE(from + 3)
  for (let i = 0; i < count && from + 10 + 2 * i <= bytes.length; i += 1) {
    const cell = bytes.readUInt16BE(from + 8 + 2 * i)
    try {
      addRow(rows, bytes.subarray(cell))
    } catch (error) {
      // It is cut off, or no such row.
      if (!(error instanceof RangeError)) throw error
    }
  }
}

function addRow(rows: Map<string, LastRow>, cell: Buffer): void {
  const reader = new Reader(cell)
  reader.varint()
  reader.varint()
  const columns = reader.record()
  const uuid = columns[UUID_AT]
  if (columns.length < COLUMNS || typeof uuid !== 'string' || !UUID.test(uuid)) return
  const [name, nextId, ...waiting] = [NAME, NEXT_ID, ...WAITING].map((column) => columns[column])
  const numbers = [nextId, ...waiting].map(Number)
  if (typeof name !== 'string' || !numbers.every((each) => Number.isSafeInteger(each) && each >= 0)) return
  const [next = 0, ready = 0, delayed = 0, flying = 0] = numbers
  rows.set(uuid, { name, nextId: next, waiting: ready + delayed + flying })
}

/** Throws a RangeError where the bytes end. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let i = 0; i < 9; i += 1) {
      const byte = this.#bytes.readUInt8(this.#at)
      this.#at += 1
      value = i < 8 ? value * 128 + (byte & 0x7f) : value * 256 + byte
      if (byte < 0x80) break
    }
    return value
  }

  record(): (string | number | undefined)[] {
    const begin = this.#at
    const end = begin + this.varint()
    const types: number[] = []
    while (this.#at < end) types.push(this.varint())
    return types.slice(0, COLUMNS).map((type) => this.#column(type))
  }

  /** Only what such a row has: NULL, whole numbers, texts; others are passed over. */
  #column(type: number): string | number | undefined {
    const bytes = type >= 12 ? Math.floor((type - 12) / 2) : (LENGTHS[type] ?? 0)
    const at = this.#at
    if (at + bytes > this.#bytes.length) throw new RangeError('the row goes on elsewhere')
    this.#at += bytes
    if (type >= 13 && type % 2 === 1) return this.#bytes.toString('utf8', at, at + bytes)
    if (type >= 1 && type <= 5) return this.#bytes.readIntBE(at, bytes)
    if (type === 6) return Number(this.#bytes.readBigInt64BE(at))
    return type === 9 ? 1 : type === 8 ? 0 : undefined
  }
}

/** Of the types 0 to 9. */
const LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

// msgpack-document.ts: many items in the records form (msgpack-writer.ts), which come one by one: an array whose length
// is written last.

import type { OpenDocument } from './codec.ts'
import { MsgpackWriter } from './msgpack-writer.ts'

export class MsgpackDocument extends MsgpackWriter implements OpenDocument<unknown> {
  count = 0
  /** Where the last item begins. */
  #last = 0

  get bytes(): number {
    return this.count === 0 ? 0 : this.written
  }

  add(item: unknown): void {
    if (this.count === 0) {
      this.start('records')
      for (const byte of [0xdc, 0, 0]) this.byte(byte)
    }
    this.#last = this.written
    this.append(item, this.#last)
    this.count += 1
  }

  takeBack(): void {
    this.rewind(this.#last)
    this.count -= 1
  }

  end(): Buffer {
    const bytes = this.finish()
    bytes.writeUInt16BE(this.count, 1)
    this.count = 0
    return bytes
  }
}

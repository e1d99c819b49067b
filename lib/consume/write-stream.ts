// write-stream.ts: what createWriteStream() returns: a Writable of its own that puts into the queue. It ends without
// ending the queue; once the queue has closed, its next write fails.

import { Writable } from 'node:stream'
import { nextTick } from '../wait/timers.ts'
import type { Chunk } from './pipe.ts'
import { itemsOf, type WriteCallback, Writing, type WritingPorts } from './writing.ts'

export class WriteStream<T> extends Writable {
  readonly #writing: Writing<T>

  constructor(ports: WritingPorts<T>, highWaterMark: number) {
    super({ objectMode: true, highWaterMark })
    this.#writing = new Writing(this, ports)
  }

  override write(item: Chunk, encoding?: BufferEncoding | WriteCallback, callback?: WriteCallback): boolean {
    return this.#writing.write(item, encoding, callback)
  }

  override end(...words: unknown[]): this {
    this.#writing.end(words)
    return this
  }

  override _write(item: T, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#writing.put([item], callback)
  }

  override _writev(entries: { chunk: T }[], callback: WriteCallback): void {
    this.#writing.put(itemsOf(entries), callback)
  }

  override _final(callback: WriteCallback): void {
    this.#writing.ended().then(
      () => nextTick(callback, null),
      (error) => nextTick(callback, error),
    )
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#writing.stop()
    callback(error)
  }
}

// pairs.ts: two options that forget each other.

import { type Bug, spec } from './bug.ts'

const inMemory = (pair: string) => spec('memory/conformance', pair)
const inLog = (pair: string) => spec('log/conformance', pair)
const inSqlite = (pair: string) => spec('sqlite/conformance', pair)

export const pairs: readonly Bug[] = [
  {
    name: 'what is dropped for another item keeps its key',
    file: 'memory/shelf.js',
    from: `this.#ready.remove(item);
            this.#holdings.drop(item);`,
    to: `this.#ready.remove(item);
            this.#holdings.drop({ ...item, key: undefined });`,
    layer: inMemory('unique × whenFull'),
  },
  {
    name: 'what is set aside keeps its key',
    file: 'memory/shelf.js',
    from: `this.#release(item);
        this.#aside.fail(`,
    to: `if (this.#away.release(item.id))
            this.#holdings.drop({ ...item, key: undefined });
        this.#aside.fail(`,
    layer: inMemory('unique × maxAttempts'),
  },
  {
    name: 'what is kept for the record keeps its key',
    file: 'memory/shelf.js',
    from: `this.#release(item);
        if (kept)`,
    to: `if (this.#away.release(item.id))
            this.#holdings.drop({ ...item, key: undefined });
        if (kept)`,
    layer: inMemory('unique × keepAcked'),
  },
  {
    name: 'an update leaves the bytes as they were',
    file: 'memory/shelf.js',
    from: `this.#holdings.add(item);
        return true;`,
    to: `const { bytes } = this.#holdings;
        this.#holdings.add(item);
        this.#holdings.bytes = bytes;
        return true;`,
    layer: inMemory('maxBytes × update'),
  },
  {
    name: 'a copy drops what it has copied, where its target may drop',
    file: 'consume/copying.js',
    from: 'bounded ? { items: maxSize,',
    to: 'bounded ? { whenFull: this.#target.whenFull, items: maxSize,',
    layer: inMemory('whenFull × copyTo'),
  },
  {
    name: 'a queue that rejects lets no put wait that wants to',
    file: 'consume/putting.js',
    from: "const { signal, timeout, wait = whenFull !== 'reject' } = options;",
    to: "const { signal, timeout } = options;\n        const wait = whenFull !== 'reject' && options.wait !== false;",
    layer: inMemory('whenFull × put.wait'),
  },
  {
    name: 'a write stream buffers as many items as Node would',
    file: 'queue.js',
    from: 'new WriteStream(ports, this.writableHighWaterMark)',
    to: 'new WriteStream(ports, 16)',
    layer: inMemory('maxSize × highWaterMark'),
  },
  {
    name: 'an item at its last attempt is delayed once more',
    file: 'consume/delivery.js',
    from: 'if (this.attempt >= this.#host.limit)',
    to: 'if (this.attempt >= this.#host.limit && !options.delay)',
    layer: inMemory('maxAttempts × nack.delay'),
  },
  {
    name: 'a put over a log does not drop what a lease has let go',
    file: 'log/frame-writer.js',
    from: 'missing.length === 0 && group.some(mayDrop)',
    to: 'false',
    layer: inLog('leaseTimeout × whenFull'),
  },
  {
    name: 'what is cleared from a log is what was ready when somebody looked last',
    file: 'log/taker.js',
    from: `if (before.length > 0)
                return { before };
            const ids = choose(`,
    to: 'const ids = choose(',
    layer: inLog('among what is dropped'),
  },
  {
    name: 'a put over SQLite that may drop is not woken when a lease ends',
    file: 'sqlite/put-ops.js',
    from: 'args.bound?.isDropping ?',
    to: 'false ?',
    layer: spec('sqlite/watching', 'something to drop for a put'),
  },
  {
    name: 'what a lease has let go outlives a clear of SQLite',
    file: 'sqlite/take-ops.js',
    from: 'isKeyed, bytes } = pass(scene, args);',
    to: 'isKeyed, bytes } = scene.sums();',
    layer: inSqlite('among what is dropped'),
  },
  {
    name: 'a put over MySQL that does not wait drops nothing that is due',
    file: 'mysql/mysql-store.js',
    from: "if (ids !== undefined || whenFull !== 'drop-oldest' || round !== undefined)",
    to: 'if (true)',
    layer: spec('mysql/conformance', 'leaseTimeout × put.wait'),
  },
]

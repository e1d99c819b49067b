// streams.ts: what streams, consumers and a closing queue owe whoever uses them.

import { type Bug, spec } from './bug.ts'

const layer = spec('consume/streaming')
const sinks = spec('consume/sinks')

/** What follows an item through its sink. */
const FOLLOWED = `let isOut = true;
        this.#out += 1;
        const calledBack = (error) => {
            if (!isOut)
                return;
            isOut = false;
            this.#calledBack(current,`

export const streams: readonly Bug[] = [
  {
    name: 'all that waited in a sink that broke is charged an attempt',
    file: 'consume/reading.js',
    from: `this.#giveUp('first');`,
    to: `this.#giveUp('all');`,
    layer,
  },
  {
    name: 'what a read stream had only buffered is charged when it is destroyed',
    file: 'consume/reading.js',
    from: 'this.#session?.unseen(held);\n        this.#buffered.push(held);',
    to: 'this.#buffered.push(held);',
    layer,
  },
  {
    name: 'a put does not wait for what was written before it',
    file: 'handle.js',
    from: ' && !this.isWriting',
    to: '',
    layer,
  },
  {
    name: 'what is written passes a put that waits for what was written before it',
    file: 'consume/writing.js',
    from: 'const count = Math.min(items.length, this.#puts.next - this.#taken);\n        try',
    to: 'const count = items.length;\n        try',
    layer,
  },
  {
    name: 'what is written passes puts of the same turn',
    file: 'consume/putting.js',
    from: 'gathered.flush();\n            return this.#append',
    to: 'return this.#append',
    layer,
  },
  {
    name: 'a write that failed is told as one that is done',
    file: 'consume/writing.js',
    from: 'callback(at < this.#durable ? null : error);',
    to: 'callback(null);',
    layer: spec('consume/write-stream'),
  },
  {
    name: 'what was written before close() to a queue with a bound is refused though there is room',
    file: 'wait/line.js',
    from: 'if (this.#isOrdered)\n                void caller',
    to: 'if (false)\n                void caller',
    layer: spec('wait/parked', 'to a closed line late'),
  },
  {
    name: 'a web stream acknowledges an item as it hands it out',
    file: 'consume/web-stream.js',
    from: 'controller.enqueue(held.item);',
    to: 'session.ack(held);\n            controller.enqueue(held.item);',
    layer,
  },
  {
    name: 'a web stream takes an item before it is asked for one',
    file: 'consume/web-stream.js',
    from: '{ highWaterMark: 0 }',
    to: '{ highWaterMark: 1 }',
    layer,
  },
  {
    name: 'an error without a text fails the consumer and not its item',
    file: 'text-of.js',
    from: "return typeof message === 'string' ? message : String(thrown);\n    }\n    catch {\n        return 'something that has no text was thrown';",
    to: "return typeof message === 'string' ? message : String(thrown);\n    }\n    catch (error) {\n        throw error;",
    layer: spec('consume/any-error'),
  },
  {
    name: 'a queue is destroyed by errors that are objects only',
    file: 'consume/duplex.js',
    from: "codeOf(error) === 'ERR_STREAM_DESTROYED'",
    to: "error && 'code' in error && error.code === 'ERR_STREAM_DESTROYED'",
    layer: spec('consume/any-error'),
  },
  {
    name: 'closing gives what is in hand no time',
    file: 'consume/stopping.js',
    from: 'await Promise.race([stopped, aborted(this.#graceOver.signal)]);',
    to: 'return;',
    layer,
  },
  {
    name: 'closing aborts no signal',
    file: 'consume/stopping.js',
    from: 'core.abort();',
    to: '',
    layer,
  },
  {
    name: 'what a queue that closes gives back is charged',
    file: 'consume/core.js',
    from: "consumer.leave('none')",
    to: "consumer.leave('all')",
    layer,
  },
  {
    name: 'what a queue that closes has leased is left to the store, which charges it',
    file: 'consume/leasing.js',
    from: 'for (const ids of lotsOf(this.#leased.take(), LOT_ITEMS)) {',
    to: 'for (const ids of []) {',
    layer,
  },
  {
    name: 'a queue that is closing still hands out items',
    file: 'handle.js',
    from: "if (this.#state !== 'stopping')",
    to: 'if (true)',
    layer,
  },
  {
    name: 'a loop over a queue that an error has destroyed ends as if all were well',
    file: 'consume/session.js',
    from: 'if (this.core.hasFailed)',
    to: 'if (false)',
    layer,
  },
  {
    name: 'a batch takes more than its size',
    file: 'consume/batches.js',
    from: 'session.ahead = size - batch.length;',
    to: 'session.ahead = size;',
    layer,
  },
  {
    name: "an item counts as written though another one's callback came",
    file: 'consume/pipe.js',
    from: FOLLOWED,
    to: `(this.out ??= []).push(current);\n        ${FOLLOWED.replace('(current', '(this.out.shift()')}`,
    layer: sinks,
  },
  {
    name: 'a refused item counts as written',
    file: 'consume/pipe.js',
    from: 'this.#source.calledBack(handed, isWritten);',
    to: 'this.#source.calledBack(handed, true);',
    layer: sinks,
  },
  {
    name: 'a second callback for an item counts as that of another',
    file: 'consume/pipe.js',
    from: 'if (!isOut)',
    to: 'if (false)',
    layer: sinks,
  },
  {
    name: 'a stream into a queue with a bound loses what was written before an item that cannot be encoded',
    file: 'consume/writing.js',
    from: ' || error instanceof CodecError',
    to: '',
    layer,
  },
  {
    name: "a listener of 'retry' that throws ends its consumer",
    file: 'consume/retries.js',
    from: 'setImmediate(() => {',
    to: '((emit) => emit())(() => {',
    layer,
  },
  {
    name: 'a batch that fails for ever says nothing',
    file: 'consume/retries.js',
    from: 'failures >= WARN_AFTER',
    to: 'false',
    layer,
  },
  {
    name: 'a handle warns of each try that fails',
    file: 'consume/retries.js',
    from: 'if (this.#hasWarned)',
    to: 'if (false)',
    layer,
  },
]

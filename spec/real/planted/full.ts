// full.ts: work in the background, and what a full disk makes of it.

import { type Bug, spec } from './bug.ts'

export const full: readonly Bug[] = [
  {
    name: 'a flush that failed in the background rejects the next take',
    file: 'opening.js',
    from: 'this.#core.publish(error);',
    to: 'this.#core.failLater(error);',
    layer: spec('consume/core'),
  },
  {
    name: 'a flush that failed in the background is not tried again',
    file: 'log/flusher.js',
    from: 'if (!this.#running)\n                this.#start(',
    to: 'if (false)\n                this.#start(',
    layer: spec('log/flusher-others'),
  },
  {
    name: 'on a full disk nothing is freed where the log can not roll',
    file: 'log/flusher.js',
    from: `            if (!isFull(error))
                throw error;
            await this.#freeDead();`,
    to: `            throw error;
            await this.#freeDead();`,
    layer: spec('log/flusher-others'),
  },
  {
    name: 'what could not be set aside is not tried again',
    file: 'consume/set-asides.js',
    from: 'this.#waiting.push(write);',
    to: ';',
    layer: spec('consume/core'),
  },
  {
    name: 'a failed sync of an interval rejects a take',
    file: 'consume/core.js',
    from: 'this.#unsynced ??= this.publish(error);',
    to: 'this.#untold ??= this.publish(error);',
    layer: spec('consume/core'),
  },
  {
    name: 'a lease that has ended may still be settled',
    file: 'log/settler.js',
    from: '(value.deadline === 0 || value.deadline > clock.now())',
    to: 'true',
    layer: spec('log/moved'),
  },
  {
    name: 'what goes to the back counts though its lease has ended',
    file: 'log/reclaimer.js',
    from: 'return [...records, ...expired];',
    to: 'return expired;',
    layer: spec('log/moved'),
  },
  {
    name: 'who sent to the back what others have by now is not refused',
    file: 'log/appender.js',
    from: 'extra.inTime?.(state, isVoid);',
    to: ';',
    layer: spec('log/moved'),
  },
  {
    name: 'what somebody has taken from the back already is void',
    file: 'log/unrecorded.js',
    from: 'if (isUntouched(frame, state))',
    to: 'if (true)',
    layer: spec('log/moved'),
  },
  {
    name: 'what was popped from the back comes again from its old place',
    file: 'log/taker.js',
    from: '[own, ...leavingRecords(log, state, own.ids)]',
    to: '[own]',
    layer: spec('log/moved'),
  },
  {
    name: 'what a retry has written is discarded',
    file: 'log/settler.js',
    from: '.filter(({ from }) => !isReplaced(log, state, from))',
    to: '',
    layer: spec('log/moved'),
  },
  {
    name: 'what was kept for the record stays for ever',
    file: 'log/log-store.js',
    from: 'await store.#trim(options.keepAcked ?? 0);',
    to: ';',
    layer: spec('log/flusher'),
  },
  {
    name: 'stats() counts what is failed among the bytes',
    file: 'log/held-bytes.js',
    from: 'const live = runs.liveRanges(from, to);',
    to: 'const live = [{ from, to }];',
    layer: spec('log/held-bytes'),
  },
  {
    name: 'a failed item is recorded though its copy is gone',
    file: 'log/failed-items.js',
    from: 'const isThere = this.#log.isNamed(segment);',
    to: 'const isThere = true;',
    layer: spec('log/failed-items'),
  },
  {
    name: 'a flush takes copies of what is failed',
    file: 'log/failed-items.js',
    from: 'if (segment === base)',
    to: 'if (false)',
    layer: spec('log/failed-items'),
  },
  {
    name: 'what is failed no more takes space for ever',
    file: 'log/failed-items.js',
    from: 'tail.end > DATA_START && !isUsed(state, tail)',
    to: 'false',
    layer: spec('log/failed-items'),
  },
  {
    name: 'a nack at the last attempt rejects on a full disk',
    file: 'consume/delivery.js',
    from: 'if (!(error instanceof StorageError))',
    to: 'if (true)',
    layer: spec('log/full-ways'),
  },
]

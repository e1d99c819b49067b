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
]

// failing.ts: what a call of the store, an opening or a close leaves behind when it fails, and who is told.

import { type Bug, spec } from './bug.ts'

const layer = spec('consume/failing')

export const failing: readonly Bug[] = [
  {
    name: 'what a pop leased before a lease failed stays in flight',
    file: 'consume/claiming.js',
    from: 'await this.giveBack(all).catch(ignore);',
    to: '',
    layer,
  },
  {
    name: 'what a pop leased and could not remove stays in flight',
    file: 'consume/claiming.js',
    from: 'await this.giveBack(held).catch(ignore);',
    to: '',
    layer,
  },
  {
    name: 'what a delete leased and could not remove stays in flight',
    file: 'consume/claiming.js',
    from: `await store.settle([{ outcome: 'back', ids: rangesOf(pieces), counted: false }], true).catch(ignore);`,
    to: '',
    layer,
  },
  {
    name: 'a loop rejects because what it gives back went back by itself',
    file: 'consume/settling.js',
    from: `if (one.outcome === 'ack')
                    this.#core.publish(error);`,
    to: `if (one.outcome !== 'ack') throw error;`,
    layer,
  },
  {
    name: 'what is spent and can not be set aside by a join stays in flight',
    file: 'consume/spent.js',
    from: `catch {
        await store.settle([back], true);`,
    to: 'catch {',
    layer,
  },
  {
    name: 'an opening that fails leaves its store open',
    file: 'opening.js',
    from: 'await store.close().catch(() => { });',
    to: '',
    layer,
  },
  {
    name: 'a copy that fails leaves its target open',
    file: 'queue.js',
    from: 'await target.close().catch(() => { });',
    to: '',
    layer,
  },
  {
    name: 'a copy does not mind maxBytes alone',
    file: 'consume/copying.js',
    from: 'maxSize !== Infinity || maxBytes !== Infinity;',
    to: 'maxSize !== Infinity;',
    layer,
  },
  {
    name: 'what could not be given back is not told to close()',
    file: 'consume/core.js',
    from: `if (outcome.status === 'rejected')`,
    to: 'if (false)',
    layer,
  },
  {
    name: 'who waits behind one that has gone is not tried',
    file: 'wait/line.js',
    from: `if (caller !== this.#trying)
            this.wake();`,
    to: '',
    layer: spec('wait/parked'),
  },
  {
    name: 'who has no time to wait is not tried behind one that is',
    file: 'wait/parked.js',
    from: '!this.#wasTried && this.#line.isTrying',
    to: 'false',
    layer: spec('wait/parked'),
  },
]

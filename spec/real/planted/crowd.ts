// crowd.ts: the line of those who wait for a lock of the log, and what ends their wait.

import { type Bug, spec } from './bug.ts'

export const crowd: readonly Bug[] = [
  {
    name: 'the line: who came last is next',
    file: 'log/lock-line.js',
    from: 'theirs < came ||',
    to: 'theirs > came ||',
    layer: spec('log/lock-line'),
  },
  {
    name: 'the line: the dead are waited for',
    file: 'log/lock-line.js',
    from: 'return seen > now - UNSEEN_MS && seen < now + UNSEEN_MS;',
    to: 'return seen > 0;',
    layer: spec('log/lock-line'),
  },
  {
    name: 'the line: what is no number is waited for',
    file: 'log/lock-line.js',
    from: 'Number.isNaN(freeAt) ? now : freeAt',
    to: 'freeAt',
    layer: spec('log/lock-line'),
  },
  {
    name: 'the line: a slice never ends',
    file: 'log/lock-share.js',
    from: 'line.others(now) > 0) ?? false',
    to: 'line.others(now) > 1e9) ?? false',
    layer: spec('log/lock-line'),
  },
  {
    name: 'the line: one that fails fails the step',
    file: 'log/lock-share.js',
    from: `if (codeOf(error) === '')
                throw error;
            this.#line.close();`,
    to: `if (codeOf(error) !== '')
                throw error;
            this.#line.close();`,
    layer: spec('log/lock-line'),
  },
  {
    name: 'the line: an opening sweeps it away',
    file: 'log/owners.js',
    from: 'if (LINES.has(name))',
    to: "if (LINES.has(name + '?'))",
    layer: spec('log/owners'),
  },
  {
    name: 'a signal does not end the wait for a lock',
    file: 'log/step-lock.js',
    from: 'const unlisten = signal && onAbort(signal, aborted);',
    to: 'const unlisten = undefined;',
    layer: spec('log/lock-signal'),
  },
  {
    name: 'a put that its signal ended is written all the same',
    file: 'log/batch.js',
    from: 'group.filter(({ isGone }) => !isGone)',
    to: 'group',
    layer: spec('log/lock-signal'),
  },
  {
    name: 'nobody is told of a lock that is waited for',
    file: 'log/lock-waits.js',
    from: 'if (now - since >= tellAt)',
    to: 'if (now - since >= 1e9)',
    layer: spec('log/lock-signal'),
  },
  {
    name: 'the end of the log is believed as it is told',
    file: 'log/log-ends.js',
    from: '|| !holds(tail, told)',
    to: '',
    layer: spec('log/log-ends'),
  },
  {
    name: 'a frame that says more than its items is skipped',
    file: 'log/log-ends.js',
    from: '|| told.plainFrom > tail.end ',
    to: '',
    layer: spec('log/log-ends'),
  },
  {
    name: 'SQLite: a call that its signal took back is carried out all the same',
    file: 'sqlite/withdrawal.js',
    from: '!== WITHDRAWN',
    to: '!== 9',
    layer: spec('sqlite/lock-signal'),
  },
  {
    name: 'SQLite: who waits for the file does not hear the signal',
    file: 'sqlite/thread.js',
    from: 'if (!withdraw(withdrawal))',
    to: 'if (true)',
    layer: spec('sqlite/lock-signal'),
  },
  {
    name: 'SQLite: a call that has begun is taken back',
    file: 'sqlite/withdrawal.js',
    from: '0, 0, WITHDRAWN) === 0',
    to: '0, 0, WITHDRAWN) >= 0',
    layer: spec('sqlite/lock-signal'),
  },
  {
    name: 'SQLite: an opening that fails leaves its thread behind',
    file: 'sqlite/opening.js',
    from: 'await database.close();',
    to: ';',
    layer: spec('process/left-behind', 'over sqlite'),
  },
]

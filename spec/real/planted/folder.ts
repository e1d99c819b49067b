// folder.ts: the folder and its files as the operating system sees them: owners, descriptors, claims, whose they are.

import { type Bug, spec } from './bug.ts'

export const folder: readonly Bug[] = [
  {
    name: 'a probe that can not tell takes the owner for dead',
    file: 'log/owners.js',
    from: `return codeOf(error) !== 'ENOENT';`,
    to: 'return false;',
    layer: spec('log/owners'),
  },
  {
    name: 'a probe that can not tell rejects whoever takes',
    file: 'log/owners.js',
    from: `return codeOf(error) !== 'ENOENT';`,
    to: `if (codeOf(error) !== 'ENOENT') throw error; return false;`,
    layer: spec('log/reclaimer'),
  },
  {
    name: 'the files of the living are swept with those of the dead',
    file: 'log/owners.js',
    from: '!state.owners.has(owner) && !this.isAlive(owner)',
    to: '!state.owners.has(owner)',
    layer: spec('log/owners'),
  },
  {
    name: 'the checksum of a mark is not looked at',
    file: 'log/marks.js',
    from: 'if (from > 0 && checksumOf(bytes, at, at + 16) === getU32(bytes, at + 16))',
    to: 'if (from > 0)',
    layer: spec('log/marks'),
  },
  {
    name: 'a mark needs room on a full disk',
    file: 'log/marks.js',
    from: 'this.#head = head;\n        this.#grow();',
    to: 'this.#head = head;',
    layer: spec('log/marks'),
  },
  {
    name: 'what has no slot of its own is not marked',
    file: 'log/marks.js',
    from: 'writeMark(this.#file, this.#slots, to === 0 ? undefined : { from, to });',
    to: ';',
    layer: spec('log/marks'),
  },
  {
    name: 'the checksum of the head of an owner is not looked at',
    file: 'log/owner-head.js',
    from: 'checksumOf(bytes, 0, CRC_AT) !== getU32(bytes, CRC_AT) || ',
    to: '',
    layer: spec('log/marks'),
  },
  {
    name: 'a claim is not asked for its holder',
    file: 'disk/token.js',
    from: 'const said = await isListening(name);',
    to: 'const said = undefined;',
    layer: spec('disk/claim'),
  },
  {
    name: 'the holder of a claim that does not answer is taken for dead',
    file: 'disk/socket.js',
    from: `socket.on('connect', () => {\n                text = '';`,
    to: `socket.on('connect', () => {`,
    layer: spec('disk/claim'),
  },
  {
    name: 'a claim does not see the locks of other containers',
    file: 'disk/shared-locks.js',
    from: 'resolve(child.exitCode === REFUSED);',
    to: 'resolve(false);',
    layer: spec('disk/claim'),
  },
  {
    name: 'a claim that somebody else outran is kept',
    file: 'disk/claim.js',
    from: 'if (numbers.at(-1) !== number)',
    to: 'if (false)',
    layer: spec('disk/claim'),
  },
  {
    name: 'who has fs-ext does not look for a claim',
    file: 'disk/claim.js',
    from: 'await refuseIfClaimed(folder, numbersIn(folder).slice(-1), shown);',
    to: ';',
    layer: spec('disk/claim'),
  },
  {
    name: 'a pid that was given again passes for the holder',
    file: 'disk/holder.js',
    from: 'return task.start === holder.start && !task.dead;',
    to: 'return !task.dead;',
    layer: spec('disk/holder'),
  },
]

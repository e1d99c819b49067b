// attackers.ts: what another user can put in the way of a queue, where he may write to its folder.

import { type Bug, spec } from './bug.ts'

export const attackers: readonly Bug[] = [
  {
    name: 'a link under the name of a file is followed',
    file: 'disk/ours.js',
    from: 'export const O_PLAIN = O_NOFOLLOW | O_NONBLOCK;',
    to: 'export const O_PLAIN = O_NONBLOCK;',
    layer: spec('log/foreign'),
  },
  {
    name: 'a pipe passes for a file',
    file: 'disk/ours.js',
    from: 'if (!stat.isFile())',
    to: 'if (false)',
    layer: spec('log/foreign'),
  },
  {
    name: 'a file may have other names',
    file: 'disk/ours.js',
    from: 'if (stat.nlink > 1)',
    to: 'if (false)',
    layer: spec('log/foreign'),
  },
  {
    name: "another user's file is taken for the queue's",
    file: 'disk/ours.js',
    from: 'if (whose === undefined || ',
    to: 'if (true || ',
    layer: spec('log/foreign'),
  },
  {
    name: "a file of the folder's group is trusted where everybody may write",
    file: 'disk/ours.js',
    from: ' && (whose.mode & OTHERS_WRITE) === 0',
    to: '',
    layer: spec('log/foreign'),
  },
  {
    name: 'a link to a folder is gone into',
    file: 'disk/root.js',
    from: 'const fd = this.#enter(real, shown);',
    to: 'const fd = fs.openSync(real);',
    layer: spec('log/foreign'),
  },
  {
    name: 'a link to a folder is gone into where names go by the path',
    file: 'disk/root.js',
    from: 'assertFolder(fs.lstatSync(real), shown, () => this.stat());',
    to: ';',
    layer: spec('log/foreign'),
  },
  {
    name: 'what is not needed yet is not looked at by an opening',
    file: 'log/opening.js',
    from: 'lookAtNames(this.#world.disk, this.#folder);',
    to: ';',
    layer: spec('log/foreign'),
  },
  {
    name: 'what stands in the place of an owner counts as him',
    file: 'log/owners.js',
    from: 'throw found.foreign;',
    to: 'return true;',
    layer: spec('log/foreign'),
  },
  {
    name: 'what is no number stays with the owners',
    file: 'log/owners.js',
    from: `if (!isNumber(name))
            this.remove(name);`,
    to: `if (!isNumber(name))
            return;`,
    layer: spec('log/foreign'),
  },
  {
    name: 'a pipe passes for a claim that nobody holds',
    file: 'disk/token.js',
    from: 'assertFile(stat, shown, anchor);',
    to: 'if (!stat.isFile()) return;',
    layer: spec('log/foreign'),
  },
  {
    name: 'an addon is copied to where others may put another in its place',
    file: 'disk/private-folder.js',
    from: 'assertPlace(place);',
    to: ';',
    layer: spec('disk/private-folder'),
  },
  {
    name: 'a private folder is used by its path',
    file: 'disk/private-folder.js',
    from: 'leadsTo(by, fd) ? by : folder',
    to: 'folder',
    layer: spec('disk/private-folder'),
  },
  {
    name: 'SQLite: what its engine opens is not looked at',
    file: 'sqlite/connection.js',
    from: `makeFile(file);
            assertBeside(file);`,
    to: 'makeFile(file);',
    layer: spec('sqlite/foreign'),
  },
  {
    name: "SQLite: another user's file beside a database is taken for its own",
    file: 'sqlite/beside.js',
    from: 'assertFile(stat, database + ending, anchor);',
    to: 'assertFile(stat, database + ending);',
    layer: spec('sqlite/foreign'),
  },
  {
    name: 'SQLite: the folder of the owners goes by its path',
    file: 'sqlite/owner-files.js',
    from: 'this.#entered = this.#outer.enter?.(this.#folder, true);',
    to: ';',
    layer: spec('sqlite/foreign'),
  },
  {
    name: 'SQLite: a link in the place of what was made is given away',
    file: 'sqlite/new-file.js',
    from: 'O_RDONLY | O_NOFOLLOW | O_NONBLOCK',
    to: 'O_RDONLY | O_NONBLOCK',
    layer: spec('sqlite/foreign'),
  },
]

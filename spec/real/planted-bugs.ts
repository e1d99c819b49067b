// planted-bugs.ts: small changes of the disk protocol, each a bug that somebody could make, as a replacement in the
// built library; and by which layer of the battery it is to be caught.

/** Words of the crash battery (spec/crash/workloads.ts), or a spec. */
export type Layer =
  | { readonly words: readonly string[]; readonly durability: 'disk' | 'os' }
  | { readonly spec: string }

export interface Bug {
  readonly name: string
  /** In dist/lib/log. */
  readonly file: string
  /** Stands there exactly once. */
  readonly from: string
  readonly to: string
  readonly layer: Layer
}

const disk = { durability: 'disk', words: ['1', 'A'] } as const
const spec = (name: string): Layer => ({ spec: name })

export const bugs: readonly Bug[] = [
  {
    name: 'a put resolves without its sync',
    file: 'appender.js',
    from: 'await this.#parts.log.makeDurable(written.segment);',
    to: ';',
    layer: disk,
  },
  {
    name: 'a put that goes fast resolves without its sync',
    file: 'appender.js',
    from: `if (!written || this.#parts.durability !== 'disk')`,
    to: 'if (true)',
    layer: disk,
  },
  {
    name: 'makeDurable forgets the file',
    file: 'synced-log.js',
    from: 'await segment.gate.pass();',
    to: ';',
    layer: disk,
  },
  {
    name: 'makeDurable forgets the folder',
    file: 'synced-log.js',
    from: 'await this.folderGate.pass();',
    to: ';',
    layer: disk,
  },
  {
    name: 'a name counts as durable without a sync',
    file: 'synced-log.js',
    from: 'await this.world.disk.syncFolder(this.folder);',
    to: ';',
    layer: disk,
  },
  {
    name: 'a sync of a segment is dropped',
    file: 'segment-file.js',
    from: 'await file.sync();',
    to: ';',
    layer: disk,
  },
  {
    name: 'a segment whose sync failed is gone on with',
    file: 'log.js',
    from: 'tail.torn || tail.poisoned || this.pendingVoids.length > 0',
    to: 'tail.torn',
    layer: spec('log/appender-failure'),
  },
  {
    name: 'a refused frame becomes no void',
    file: 'appender.js',
    from: 'log.pendingVoids.push({ segment: segment.base, from, to });',
    to: ';',
    layer: spec('log/appender-failure'),
  },
  {
    name: 'a refused frame is delivered',
    file: 'appender.js',
    from: `{ kind: 'gone', why: 1, ids }`,
    to: `{ kind: 'restored', ids: [] }`,
    layer: spec('log/appender-failure'),
  },
  {
    name: 'what a failed write left is not cut off',
    file: 'log.js',
    from: 'tail.file.truncate(tail.end);',
    to: ';',
    layer: spec('log/appender-failure'),
  },
  {
    name: 'a failed sync of the cursor is tried again',
    file: 'cursor-half.js',
    from: 'half.poisoned = true;',
    to: ';',
    layer: spec('log/journal-failure'),
  },
  {
    name: 'a generation is told durable before its sync',
    file: 'cursor.js',
    from: `await this.#sync();\n        await this.lock`,
    to: 'await this.lock',
    layer: disk,
  },
  {
    name: 'the second copy of the cursor header is not written',
    file: 'cursor-file.js',
    from: 'file.write(bytes, COPY_AT);',
    to: ';',
    layer: spec('log/journal-damage'),
  },
  {
    name: 'the checksum of a snapshot is not looked at',
    file: 'cursor-file.js',
    from: '&& crc32(snapshot) === header.snapshotCrc',
    to: '',
    layer: spec('log/journal-damage'),
  },
  {
    name: 'the checksum of a cursor header is not looked at',
    file: 'cursor-file.js',
    from: 'if (crc32(bytes.subarray(at, at + 60)) !== getU32(bytes, at + 60))',
    to: 'if (false)',
    layer: spec('log/journal-damage'),
  },
  {
    name: 'records are not chained',
    file: 'record.js',
    from: '(seed ^ salt) >>> 0) !== crc',
    to: 'salt >>> 0) !== crc',
    layer: spec('log/record'),
  },
  {
    name: 'a damaged record ends the journal',
    file: 'cursor-file.js',
    from: 'if (resumed === undefined)',
    to: 'if (true)',
    layer: spec('log/journal-damage'),
  },
  {
    name: 'a record is applied that was not written',
    file: 'journal.js',
    from: '        this.#file.write(written.bytes, this.#end);',
    to: ';',
    layer: disk,
  },
  {
    name: 'a stale frame of another segment passes',
    file: 'frame.js',
    from: ' || getU32(bytes, at + 28) !== nonce',
    to: '',
    layer: spec('log/frame'),
  },
  {
    name: 'a sealed segment is written on behind',
    file: 'log.js',
    from: 'if (tail.seal || tail.badSeal ||',
    to: 'if (tail.badSeal ||',
    layer: disk,
  },
  {
    name: 'the manifest has its name before it is durable',
    file: 'manifest.js',
    from: `    await file.sync();\n`,
    to: '',
    layer: spec('log/manifest'),
  },
]

// regressions.ts: states that once broke a promise, by name. They are tried first. A name holds as long as the calls of
// its word do: where they change, the state that it stood for has another name, and the whole battery finds it anew.

import type { SubjectName } from './log-subject.ts'

export const regressions: Readonly<Partial<Record<SubjectName, readonly string[]>>> = Object.freeze({
  disk: [
    // A new, never synced segment whose blocks held an older one's header was told as damage.
    '3nf/1:40:-9.10.11~39@0s',
    '3nf/1:40:-9.10.11~39@16s',
    '1pf/1:40:-9.10.11~39@4s',
    // What a flush by itself counts of items of another size.
    '3Bp133rnB1AnxL1nBo3rx3rnAAxprp1B33rB/1:204:all',
  ],
  os: [
    // A segment that was lost before it was ever synced was told as damage.
    '3BnnofpfnprLBAx131BAL1ooxL1pn13Bfx3p/1:82:+4.5.6.14.19',
    '3BnnofpfnprLBAx131BAL1ooxL1pn13Bfx3p/1:77:-8.9.10.11.12.13~54@4s',
  ],
})

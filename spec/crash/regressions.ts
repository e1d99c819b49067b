// regressions.ts: cases that once broke a promise, by name. They are tried first. A name holds as long as the calls of
// its word do: where they change, the case that it stood for has another name, and the whole battery finds it anew.

import type { Task } from './crew.ts'

export interface Regressions extends Pick<Task, 'hand' | 'subject'> {
  readonly names: readonly string[]
}

export const regressions: readonly Regressions[] = [
  {
    hand: 'words',
    subject: 'disk',
    names: [
      // A new, never synced segment whose blocks held an older one's header was told as damage.
      '3nf/1:41:-9.10.11~40@0s',
      '3nf/1:41:-9.10.11~40@16s',
      '1pf/1:41:-9.10.11~40@4s',
      // Without its header a segment was read by the frames that an older one had left in its blocks.
      '!1nf1/1:47:+8~46@0s',
      '!3pf3/1:49:+8~48@0s',
      // What a flush by itself counts of items of another size.
      '3Bp133rnB1AnxL1nBo3rx3rnAAxprp1B33rB/1:205:all',
    ],
  },
  {
    hand: 'words',
    subject: 'os',
    names: [
      // A segment that was lost before it was ever synced was told as damage.
      '3BnnofpfnprLBAx131BAL1ooxL1pn13Bfx3p/1:83:+4.5.6.14.19',
      '3BnnofpfnprLBAx131BAL1ooxL1pn13Bfx3p/1:78:-8.9.10.11.12.13~55@4s',
    ],
  },
  {
    hand: 'words',
    subject: 'wide',
    // What goes to the back was settled before it was durable there.
    names: ['3T/1:43:+8.9'],
  },
  {
    hand: 'words',
    subject: 'wide-os',
    names: [
      '3oFR/1:63:+2.5.11.12.14',
      // A power cut took the word that an item had failed, and it was there beside its retry.
      '3oFR/1:65:none',
    ],
  },
  {
    hand: 'neighbours',
    subject: 'disk',
    // A seal before torn bytes was not durable by the time that synced-to had passed it.
    names: ['death:3:9:31/1:96:-12', 'death:3:9:4/1:94:-0.8.11.12'],
  },
  {
    hand: 'calls',
    subject: 'disk',
    names: [
      // A folder whose name could not be synced was taken for durable by the next opening.
      '3p/5:EIO:once/1:53:none',
      // Files that stayed open: the lock of an owner's file, the second file of the cursor, the removal at closing.
      '3p/57:EIO:once',
      '3p/29:EMFILE:once',
      '3p/58:EIO:forever',
      // A batch written aside that had its name already was taken back when reading it failed.
      'A1nfp3/81:EIO:once',
      'A1nfp3/82:EACCES:forever',
      // After a read that failed once, what had not been read was taken for damage, and an item was lost.
      'AofA3n/168:EIO:once',
    ],
  },
]

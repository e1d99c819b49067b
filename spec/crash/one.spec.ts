// one.spec.ts: one case of the battery, by the line that was printed when it failed:
//
//      SPOOLQ_CRASH='<hand> <subject> <name>' node dist/spec/run.js crash/one

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { handFor, handNames, RERUN } from './crew.ts'
import { subjectNames } from './log-subject.ts'

const line = process.env[RERUN] ?? 'words disk 1p/1:30:all'

it('the queue keeps its promises in one named case', async (t) => {
  t.diagnostic(line)
  const [given = '', on = '', name = ''] = line.split(' ')
  const hand = handNames.find((each) => each === given) ?? assert.fail(`no hand ${given}`)
  const subject = subjectNames.find((each) => each === on) ?? assert.fail(`no subject ${on}`)
  assert.deepEqual(await handFor({ hand, subject, options: {} }).named(name), [])
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { inPrivateFolder } from '../../lib/disk/private-folder.ts'
import { newFolder } from './agents.ts'

const isPosix = process.platform !== 'win32'
const skip = isPosix ? false : 'modes are those of POSIX'

test("a private folder is this user's alone, and gone afterwards", { skip }, (t) => {
  const place = newFolder(t)
  for (const mode of [0o700, 0o755, 0o1777]) {
    fs.chmodSync(place, mode)
    const made = inPrivateFolder(place, (folder) => {
      fs.writeFileSync(path.join(folder, 'file'), 'x')
      fs.rmSync(path.join(folder, 'file'))
      const { mode, uid } = fs.statSync(folder)
      assert.deepEqual([mode & 0o777, uid], [0o700, process.geteuid?.()])
      return fs.readdirSync(place).length
    })
    assert.equal(made, 1)
    assert.deepEqual(fs.readdirSync(place), [])
  }
})

test('a private folder is made nowhere where others may write', { skip }, (t) => {
  const place = newFolder(t)
  for (const mode of [0o777, 0o770, 0o722]) {
    fs.chmodSync(place, mode)
    assert.throws(() => inPrivateFolder(place, () => assert.fail('used')), /other users may rename what is there/)
  }
  assert.deepEqual(fs.readdirSync(place), [])
  if (process.geteuid?.() !== 0) return t.skip("NOT TRIED: another user's place (takes root)")
  fs.chmodSync(place, 0o1777)
  fs.chownSync(place, 54_321, 54_321)
  assert.throws(() => inPrivateFolder(place, () => assert.fail('used')), /other users may rename what is there/)
})

test('a private folder stays what it was when another takes its place', { skip }, (t) => {
  if (process.platform !== 'linux') return t.skip('by descriptor on Linux only')
  const place = newFolder(t)
  inPrivateFolder(place, (folder) => {
    fs.writeFileSync(path.join(folder, 'file'), 'mine')
    const [name = ''] = fs.readdirSync(place)
    fs.renameSync(path.join(place, name), path.join(place, 'away'))
    fs.mkdirSync(path.join(place, name))
    fs.writeFileSync(path.join(place, name, 'file'), 'theirs')
    assert.equal(fs.readFileSync(path.join(folder, 'file'), 'utf8'), 'mine')
  })
  assert.equal(fs.readFileSync(path.join(place, 'away', 'file'), 'utf8'), 'mine')
})

// shared-mount.ts: whether a folder may be seen by another kernel: by the magic number of its file system (statfs(2)).

import fs from 'node:fs'

const SHARED = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x65735546, // FUSE, and virtiofs
  0x01021997, // 9p
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x0bd00bd0, // Lustre
  0x01161970, // GFS2
  0x7461636f, // OCFS2
])

export function isShared(folder: string): boolean {
  try {
    // Some systems give it with a sign.
    return process.platform === 'linux' && SHARED.has(fs.statfsSync(folder).type >>> 0)
  } catch {
    return false
  }
}

// Where a series runs: a folder of its own, and when the machine lets us, a small disk for the database, which can be
// filled without harm to anybody else.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Place = ReturnType<typeof makePlace>;

/** The app wants 16 MB free before it asks for a new grant. */
const diskMegabytes = 48;

export function makePlace(wantsDisk: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-chaos-'));
  const disk = join(folder, 'disk');
  const ballast = join(disk, 'ballast');
  mkdirSync(disk);
  const mounted = wantsDisk && mount(disk);
  let left = false;

  return {
    folder,
    databaseFile: join(disk, 'chaos.db'),
    hasDisk: mounted,
    /** Leaves so many bytes free, as far as nobody writes meanwhile. */
    fill(leave: number): void {
      const { bavail, bsize } = statfsSync(disk);
      try {
        writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
      } catch {
        // Fuller than meant is full.
      }
    },
    free: () => rmSync(ballast, { force: true }),
    /** Ends the disk. Keeps the folder, with a copy of what was on the disk, when there is something to look into. */
    leave(keep: boolean): void {
      if (left) return;
      left = true;
      if (mounted && keep) cpSync(disk, join(folder, 'disk-copy'), { recursive: true });
      // Lazily, for a process that was killed this moment may not be gone yet.
      if (mounted) execFileSync('umount', ['--lazy', disk]);
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Only root may; elsewhere nothing is filled. */
function mount(disk: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m,mode=700`, 'chaos', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { makeFolder } from '../support/process.ts';

// A volume that is somebody else's, as it is found by the app in a container. Root, who may write everywhere, gives
// that right up here.

const somebody = 4242;
const isRoot = process.getuid?.() === 0;
const words = [process.execPath, resolve('src/main.ts')];
const [program = '', ...args] = isRoot
  ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search,-fowner', ...words]
  : words;

let place: ReturnType<typeof makeFolder>;
beforeEach(() => {
  place = makeFolder();
  mkdirSync(`${place.folder}/volume`);
});
afterEach(() => {
  chmodSync(`${place.folder}/volume`, 0o700);
  place.remove();
});

function close(path: string): void {
  if (isRoot) chownSync(path, somebody, somebody);
  chmodSync(path, 0o555);
}

function start(...command: string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: `sqlite:${place.folder}/volume/kept.db`, PORT: '1' };
  const { status, stdout, stderr } = spawnSync(program, [...args, ...command], {
    cwd: place.folder,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const strangers = (denied: string) =>
  `belongs to user ${somebody}, and user 0, as whom this runs, may not ${denied}. Give it to this user: chown -R 0:0 ${place.folder}/volume`;

/** Who is not root cannot give a folder away, and finds its own closed. */
function expectExplained(text: string, path: string): void {
  const facts = isRoot
    ? `${strangers('write there')}, or run this as user ${somebody}:${somebody}.`
    : `belongs to user ${process.getuid?.()}, as whom this runs, but is closed to it: chmod u+rwX ${path}`;
  expect(text).toBe(`${path} ${facts}\n`);
}

test('a start on a volume of somebody else says whose it is and what to do, and asks for no restart', () => {
  const volume = `${place.folder}/volume`;
  close(volume);
  const { status, stdout, stderr } = start();
  expect({ status, stdout }).toEqual({ status: 78, stdout: '' });
  expectExplained(stderr, volume);
});

test('so does one on a database that was restored as somebody else', () => {
  const file = `${place.folder}/volume/kept.db`;
  writeFileSync(file, '');
  close(file);
  const { status, stderr } = start();
  expect(status).toBe(78);
  expectExplained(stderr, file);
});

test('a database of somebody else that our group may write is not migrated, for it cannot be closed to others', () => {
  const file = `${place.folder}/volume/kept.db`;
  writeFileSync(file, '');
  if (isRoot) chownSync(file, somebody, 0);
  chmodSync(file, 0o660);
  const { status, stderr } = start('migrate', 'up');
  const { stdout } = start('migrate', 'status');
  // Who is not root cannot give a file away: its own is closed to others, and migrated.
  const [code, told, state] = isRoot
    ? [78, `${file} ${strangers('close it to others')}, or run this as user ${somebody}:0.\n`, 'pending']
    : [0, '', 'done'];
  expect({ status, stderr }).toEqual({ status: code, stderr: told });
  expect(stdout).toMatch(new RegExp(`^${state}: \\d+_initial`));
  expect(statSync(file).mode & 0o777).toBe(isRoot ? 0o660 : 0o600);
});

test('what is ours and closed all the same has to be opened', () => {
  const volume = `${place.folder}/volume`;
  chmodSync(volume, 0o555);
  expect(start().stderr).toContain(`is closed to it: chmod u+rwX ${volume}`);
});

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
const [program = '', ...args] = isRoot ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', ...words] : words;

let place: ReturnType<typeof makeFolder>;
beforeEach(() => {
  place = makeFolder();
  mkdirSync(`${place.folder}/volume`);
});
afterEach(() => {
  chmodSync(`${place.folder}/volume`, 0o700);
  place.remove();
});

function closeToUs(path: string): void {
  if (isRoot) chownSync(path, somebody, somebody);
  chmodSync(path, 0o555);
}

function start() {
  const env = { PATH: process.env.PATH, DATABASE_URL: `sqlite:${place.folder}/volume/kept.db`, PORT: '1' };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: place.folder, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const owner = () => (isRoot ? somebody : statSync(place.folder).uid);

test('a start on a volume of somebody else says whose it is and what to do, and asks for no restart', () => {
  closeToUs(`${place.folder}/volume`);
  const { status, stdout, stderr } = start();
  expect({ status, stdout }).toEqual({ status: 78, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^${place.folder}/volume belongs to user ${owner()}, and user \\d+, as whom this`));
  expect(stderr).toMatch(new RegExp(`Give it to this user: chown -R \\d+:\\d+ ${place.folder}/volume`));
});

test('so does one on a database that was restored as somebody else', () => {
  writeFileSync(`${place.folder}/volume/kept.db`, '');
  closeToUs(`${place.folder}/volume/kept.db`);
  const { status, stderr } = start();
  expect(status).toBe(78);
  expect(stderr).toMatch(new RegExp(`^${place.folder}/volume/kept.db belongs to user ${owner()}`));
});

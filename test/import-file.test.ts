import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mostRows, readImportFile } from '../src/commands/import-file.ts';

const header = 'user_id,refresh_token,scope,organization_id';
const token = '5ecret70ken';
const line = (user: string) => `${user},${token}-${user},dineropublicapi:read offline_access,118244`;
const row = (user: string, lineNumber: number) => ({
  line: lineNumber,
  userId: user,
  refreshToken: `${token}-${user}`,
  scope: 'dineropublicapi:read offline_access',
  organizationId: '118244',
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dinero-connect-import-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function readText(content: string | Buffer) {
  const path = join(folder, 'tokens.csv');
  writeFileSync(path, content);
  return readImportFile(path);
}

/** What is said of the file. */
function refusalOf(content: string | Buffer): string {
  try {
    readText(content);
  } catch (error) {
    if (error instanceof Error && error.name === 'ImportFileError') return error.message;
    throw error;
  }
  throw new Error('it was read');
}

describe('a file is read', () => {
  test.each([
    ['as it should be', `${header}\n${line('u1')}\n${line('u2')}\n`],
    ['without a last line break', `${header}\n${line('u1')}\n${line('u2')}`],
    ['with a byte order mark', `\ufeff${header}\n${line('u1')}\n${line('u2')}\n`],
    ['with CRLF', `${header}\r\n${line('u1')}\r\n${line('u2')}\r\n`],
    ['with LF and CRLF', `${header}\n${line('u1')}\r\n${line('u2')}\n`],
    ['with semicolons', `${header}\n${line('u1')}\n${line('u2')}\n`.replaceAll(',', ';')],
    ['with quotes', `${header}\n${line('u1')}\n${line('u2')}\n`.replaceAll(/[^,\n]+/g, '"$&"')],
    [
      'as Danish Excel writes it',
      `\ufeff${header}\r\n${line('u1')}\r\n${line('u2')}\r\n;;;\r\n`
        .replaceAll(',', ';')
        .replaceAll('\nu1;', '\n"u1";'),
    ],
    ['with spaces around the names of the columns', `${header.replaceAll(',', ' , ')}\n${line('u1')}\n${line('u2')}\n`],
  ])('%s', (_what, content) => {
    expect(readText(content)).toEqual({ rows: [row('u1', 2), row('u2', 3)], misshapen: [] });
  });

  test('with its columns in any order', () => {
    const content = `scope;organization_id;user_id;refresh_token\nx;1;u1;t\n`;
    expect(readText(content).rows).toEqual([
      { line: 2, userId: 'u1', refreshToken: 't', scope: 'x', organizationId: '1' },
    ]);
  });

  test('with delimiters, quotes and line breaks in quoted fields, and spaces as they are', () => {
    const content = `${header}\n"a, ""b""; c\nd", t ,x,1\n`;
    expect(readText(content).rows).toMatchObject([{ userId: 'a, "b"; c\nd', refreshToken: ' t ' }]);
  });

  test('in which empty lines and empty rows count as lines, and as nothing else', () => {
    expect(readText(`\n${header}\n\n${line('u1')}\n,,,\n\n${line('u2')}\n`).rows).toEqual([row('u1', 4), row('u2', 7)]);
  });

  test('in which rows have a field too many or too few: their lines are known', () => {
    const content = `${header}\n${line('u1')}\n${line('u2')},more\nu3\n`;
    expect(readText(content)).toEqual({ rows: [row('u1', 2)], misshapen: [3, 4] });
  });

  test('of the most rows that there may be, and not of one more', () => {
    const rows = `${line('u')}\n`.repeat(mostRows);
    expect(readText(`${header}\n${rows}`).rows).toHaveLength(mostRows);
    expect(refusalOf(`${header}\n${rows}${line('u')}\n`)).toContain(`more than ${mostRows} rows`);
  }, 60_000);
});

describe('a file is refused, and nothing of it quoted,', () => {
  test.each([
    ['without a column', `user_id,refresh_token,scope\nu1,${token},x\n`, 'organization_id is missing'],
    ['with a column twice', `${header},scope\n${line('u1')},x\n`, 'scope is there 2 times'],
    ['with a column more', `${header},${token}\n${line('u1')},x\n`, 'the name of column 5 is not known'],
    ['with a column that has the name of none', `${header},__proto__\n`, 'the name of column 5 is not known'],
    ['without a header', `${line('u1')}\n`, 'user_id is missing'],
    ['with tabs', `${header}\n${line('u1')}\n`.replaceAll(',', '\t'), 'user_id is missing'],
    ['that is empty', '', 'is empty'],
    ['of empty lines', '\n\n\r\n', 'is empty'],
    ['with a quote that is not closed', `${header}\nu1,"${token},x,1\n`, 'line 2: a quote'],
    ['with a quote inside a field', `${header}\n${line('u1')}\nu2,${token}"x,x,1\n`, 'line 3: a quote'],
    ['with more behind a quote', `${header}\nu1,"${token}"x,x,1\n`, 'line 2: a quote'],
    ['that is not UTF-8', Buffer.from(`${header}\næ,${token},x,1\n`, 'latin1'), 'is not UTF-8'],
    ['in UTF-16', Buffer.from(`\ufeff${header}\n${line('u1')}`, 'utf16le'), 'is not UTF-8'],
    ['with a row without end', `${header}\nu1,"${`${token}\n`.repeat(10_000)}",x,1\n`, 'a quote'],
  ])('%s', (_what, content, sentence) => {
    const refusal = refusalOf(content);
    expect(refusal).toContain(sentence);
    expect(refusal).not.toContain(token.slice(0, 5));
    expect(refusal).not.toContain('\n');
  });

  test('larger than any such file', () => {
    expect(refusalOf(Buffer.alloc(100 * 1024 * 1024 + 1, 'a'))).toContain('larger than 100 MB');
  });

  test('that is not there, or is a folder', () => {
    expect(() => readImportFile(join(folder, 'none.csv'))).toThrow('cannot be read: ENOENT');
    expect(() => readImportFile(folder)).toThrow('cannot be read: EISDIR');
  });
});

/** The charsmaps of test/fixtures/tokenizerParts, for which the fixtures' JSON has names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export const FIXTURES = join(__dirname, '../fixtures/tokenizerParts');

/** The same JSON with charsmaps in the place of their names. */
export function withCharsmaps<T>(json: T): T {
  return JSON.parse(
    JSON.stringify(json, (field, value: unknown) =>
      field === 'precompiled_charsmap' ? charsmap(String(value)) : value,
    ),
  ) as T;
}

function charsmap(name: string): string {
  return gunzipSync(readFileSync(join(FIXTURES, `${name}.charsmap.gz`))).toString('base64');
}

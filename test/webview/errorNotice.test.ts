import assert from 'node:assert/strict';
import { untranslated } from '../../src/base/translate';
import { errorNotice, whatToDo } from '../../webview/shared/errorNotice';
import { templateText } from './templateText';

describe('an error in a page', () => {
  it('links to its place in the documentation, by its code alone', () => {
    const shown = templateText(errorNotice({ code: 'DISK_FULL', message: 'No room.' }, untranslated));
    assert.match(
      shown,
      /role="alert">No room\. <a href=command:medtext\.documentation\?%5B%22DISK_FULL%22%5D>What to Do</,
    );
  });

  it('has no link without a code, and is nothing without an error', () => {
    assert.doesNotMatch(templateText(errorNotice({ message: 'A score lies between 0 and 1.' }, untranslated)), /href/);
    assert.equal(typeof errorNotice(undefined, untranslated), 'symbol');
    assert.equal(typeof whatToDo('', untranslated), 'symbol');
  });
});

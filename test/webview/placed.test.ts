import assert from 'node:assert/strict';
import { ref } from 'lit/directives/ref.js';
import { Placed } from '../../webview/shared/placed';

describe('what a page places in an element', () => {
  const turn = () => new Promise((then) => setImmediate(then));
  let log: string[];
  let charts: Placed<'loss', { readonly id: string }, { dispose(): void }>;
  beforeEach(() => {
    log = [];
    charts = new Placed(({ id }) => (log.push(`made in ${id}`), { dispose: () => log.push(`gone from ${id}`) }));
  });

  it('stays over the renderings of its element, each of which has a callback of its own', async () => {
    const { _$litDirective$: Directive } = ref(() => undefined) as any;
    const directive = new Directive({ type: 6 });
    directive.isConnected = true;
    const element = { id: 'a' };
    for (let painted = 0; painted < 3; painted++) {
      directive.update({ element, options: {} }, [(placed?: typeof element) => charts.place('loss', placed)]);
      assert.ok(charts.get('loss'));
      await turn();
    }
    assert.deepEqual(log, ['made in a']);
  });

  it('ends with its element, and at once where another takes its place', async () => {
    charts.place('loss', { id: 'a' });
    charts.place('loss', { id: 'b' });
    assert.deepEqual(log, ['made in a', 'gone from a', 'made in b']);
    charts.place('loss', undefined);
    await turn();
    assert.equal(charts.get('loss'), undefined);
    assert.deepEqual(log.at(-1), 'gone from b');
    // Removed and placed elsewhere in one rendering.
    charts.place('loss', { id: 'c' });
    charts.place('loss', undefined);
    charts.place('loss', { id: 'd' });
    await turn();
    assert.ok(charts.get('loss'));
    assert.deepEqual(log.slice(-3), ['made in c', 'gone from c', 'made in d']);
  });
});

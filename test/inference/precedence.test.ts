import assert from 'node:assert/strict';
import { ClassifierRunner, type NetworkSession } from '../../src/inference/classifierRunner';
import { SHORT_REQUEST } from '../../src/inference/precedence';
import { parseEncoderConfig } from '../../src/models/configJson';
import type { EncodedExample } from '../../src/tokenization/tokenizer';

const config = parseEncoderConfig({ model_type: 'bert', vocab_size: 10, hidden_size: 4, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 4 }, 'test'); // prettier-ignore

const examplesOf = (count: number, id: number): EncodedExample[] =>
  Array.from({ length: count }, () => ({ inputIds: Int32Array.of(id, id), tokenTypeIds: new Int32Array(2), length: 2, truncated: false })); // prettier-ignore

/** Notes whose batches it computes, one at a time; `during` is called in mid-batch. */
class NotingNetwork implements NetworkSession {
  readonly atOnce = 1;
  readonly takesAnyShape = true;
  readonly order: number[] = [];
  during: (batch: number) => void = () => {};
  private isRunning = false;

  async run([examples]: readonly (readonly EncodedExample[])[]): Promise<Float32Array> {
    assert.equal(this.isRunning, false);
    this.isRunning = true;
    await new Promise((resolve) => setImmediate(resolve));
    this.order.push(examples[0].inputIds[0]);
    this.during(this.order.length);
    this.isRunning = false;
    return new Float32Array(examples.length).fill(examples[0].inputIds[0]);
  }
  parametersChanged(): void {}
  async close(): Promise<void> {}
}

describe('precedence', () => {
  const runnerOf = (network: NetworkSession) =>
    new ClassifierRunner({ config, columns: 1, output: { name: 'logits', axes: ['rows', 1] } }, network);

  it('lets a short request in after the batch that is computed, on its own model or another', async () => {
    const network = new NotingNetwork();
    const [file, hover] = [runnerOf(network), runnerOf(network)];
    const short: Promise<Float32Array>[] = [];
    network.during = (batch) => {
      if (batch === 3) short.push(hover.logits(examplesOf(1, 7)));
    };
    const long = await file.logits(examplesOf(SHORT_REQUEST + 300, 1));
    assert.deepEqual(await Promise.all(short), [Float32Array.of(7)]);
    const at = network.order.indexOf(7);
    assert.ok(at === 3, `batches: ${network.order.join(' ')}`);
    assert.equal(long.length, SHORT_REQUEST + 300);
    assert.ok(long.every((value) => value === 1));
  });

  it('lets the file go on after a short request that failed', async () => {
    const network = new NotingNetwork();
    const failing = new NotingNetwork();
    failing.run = () => Promise.reject(new Error('no'));
    const failed: Promise<unknown>[] = [];
    network.during = (batch) => {
      if (batch === 1) failed.push(assert.rejects(runnerOf(failing).logits(examplesOf(1, 7))));
    };
    await runnerOf(network).logits(examplesOf(SHORT_REQUEST + 1, 1));
    await Promise.all(failed);
    assert.ok(network.order.length > 2);
  });
});
